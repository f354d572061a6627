"""Where Keras computes."""

import keras

from common.errors import UsageError
from keras_gan import backend


def select(name: str) -> str:
    """The device called `name`, as `keras.device` takes it; `auto` is a GPU, else the CPU.

    Raises:
        UsageError: Keras' backend has no such device here.
    """
    wanted = name.lower().replace("cuda", "gpu")  # PyTorch says cuda, TensorFlow and JAX say gpu
    for device in backend.devices():
        spelled = device.replace("cuda", "gpu")
        if wanted in ("auto", spelled, spelled.partition(":")[0]):
            return device
    raise UsageError(
        f"Keras on {backend.NAME} has no --device {name} here; use auto, or cpu, which is always there."
    )


def environment(device: str) -> dict[str, str]:
    """What to keep in the record of a run: versions and device."""
    return {
        "keras": keras.__version__,
        "keras_backend": backend.NAME,
        backend.NAME: backend.VERSION,
        "device": device,
    }
