"""The frameworks, written once: whatever tells them apart follows from this list. Imports none of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Engine:
    """What a GAN is computed with: a framework, in Keras with one of its backends."""

    title: str  # Keras on JAX
    package: str  # keras_gan
    short_name: str  # keras, as in runs/keras and `make train-keras`
    modules: tuple[str, ...]  # what must be installed; the extras of pyproject.toml have the same names
    colour: str  # in figures
    keras_backend: str = ""

    @property
    def framework(self) -> str:
        """Keras, on whichever backend."""
        return self.title.partition(" on ")[0]

    @property
    def variables(self) -> str:
        """Of the environment, to put before commands: nothing but for another backend than the usual one."""
        return "" if self.keras_backend in ("", "tensorflow") else f"KERAS_BACKEND={self.keras_backend} "


ENGINES = {
    engine.title: engine
    for engine in (
        Engine("PyTorch", "pytorch_gan", "torch", ("torch",), "#3b82f6"),
        Engine("TensorFlow", "tensorflow_gan", "tf", ("tensorflow",), "#f97316"),
        Engine("Keras on TensorFlow", "keras_gan", "keras", ("keras", "tensorflow"), "#16a34a", "tensorflow"),
        Engine("Keras on JAX", "keras_gan", "keras", ("keras", "jax"), "#a855f7", "jax"),
        Engine("Keras on PyTorch", "keras_gan", "keras", ("keras", "torch"), "#ef4444", "torch"),
    )
}
KERAS_BACKENDS = {engine.keras_backend: engine for engine in ENGINES.values() if engine.keras_backend}
FRAMEWORKS = {  # each once, Keras on its usual backend
    engine.framework: engine for engine in ENGINES.values() if not engine.variables
}
