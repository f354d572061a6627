"""The exchange format: one safetensors file that every framework reads and writes.

It holds NumPy arrays under canonical names, kernels as (in, out), those of convolutions as (height, width,
in, out), of transposed ones as (height, width, out, in):

    discriminator.dense1.kernel           float32 (784, 1024)
    discriminator.dense1.kernel.adam_m    its first moment in Adam, same shape
    discriminator.dense1.kernel.adam_v    its second moment in Adam, same shape
    discriminator.dense1.bias             float32 (1024,)
    ...
    generator.dense4.bias.adam_v          float32 (784,)
    generator.dense1.kernel.average       its moving average, same shape: of the generator, with --ema-decay
    generator.norm1.running_mean          float32 (64,): of batch normalisation, without moments and average
    ...

and as metadata the number of iterations completed, the run's configuration, and a SHA-256 of it all. Adam has
made as many updates of the generator as there are iterations, and `critic_steps` times as many of the
discriminator. Loading a safetensors file never executes code.

A checkpoint that is kept for its images holds a generator alone, or both networks, in float16 and without
moments.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from common.config import Config
from common.errors import GanError, UsageError, reason
from common.feed import Purpose, draw_noise, random_stream, with_labels
from common.machine.files import replacing
from common.networks import networks, weights

FORMAT = "gan-step-by-step checkpoint 1"
STATISTICS_SAMPLES = 1_000  # noises from which an averaged generator has its statistics

Arrays = dict[str, np.ndarray]  # canonical name -> array


def initial_arrays(config: Config) -> Arrays:
    """The state before the first iteration: random weights, moments of zero, all float32; no average yet.

    Kernels and biases are uniform in ±1/sqrt(fan-in), each from a stream of its own. Batch normalisation
    begins with gamma 1 and beta 0.
    """
    arrays: Arrays = {}
    for index, (name, weight) in enumerate(weights(config).items()):
        if weight.begins_as is None:
            bound = np.float32(1 / np.sqrt(weight.fan_in))
            stream = random_stream(config.seed, Purpose.INITIAL_WEIGHTS, index)
            arrays[name] = (2 * stream.random(weight.shape, dtype=np.float32) - 1) * bound
        else:
            arrays[name] = np.full(weight.shape, weight.begins_as, np.float32)
        if weight.trained:
            arrays[f"{name}.adam_m"] = np.zeros(weight.shape, np.float32)
            arrays[f"{name}.adam_v"] = np.zeros(weight.shape, np.float32)
    return arrays


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training after `iteration` iterations."""

    iteration: int
    config: dict[str, Any]
    arrays: Arrays

    @property
    def can_be_resumed(self) -> bool:
        """Whether a training can go on from it: not without Adam's moments."""
        return any(name.endswith(".adam_m") for name in self.arrays)

    @property
    def has_discriminator(self) -> bool:
        """Whether the discriminator's weights are in it: not where a generator was kept alone."""
        return any(name.startswith("discriminator.") for name in self.arrays)

    @property
    def has_averages(self) -> bool:
        """Whether moving averages of the generator's weights stand beside them."""
        return any(name.endswith(".average") for name in self.arrays)

    @property
    def d_updates(self) -> int:
        """How many updates of the discriminator Adam has made."""
        return self.iteration * Config(**self.config).critic_steps

    def averaged(self) -> Arrays:
        """The generator of averaged weights, under the names of those weights; empty if no averages are kept.

        Its running statistics are those of a thousand images that it makes: an average of statistics would
        be that of other generators.
        """
        if not self.has_averages:
            return {}
        suffix = ".average"
        averages = {
            name.removesuffix(suffix): array for name, array in self.arrays.items() if name.endswith(suffix)
        }
        config = Config(**self.config)
        noise = draw_noise(config.seed, Purpose.STATISTICS_NOISE, STATISTICS_SAMPLES, config.noise_dim)
        labels = np.arange(STATISTICS_SAMPLES) % max(config.classes, 1)
        _, generator = networks(config)
        return averages | generator.statistics(averages, with_labels(noise, labels, config.classes))

    def generator(self, which: str) -> Arrays:
        """Arrays with the weights of a generator.

        Args:
            which: "last", as the training left it, or "averaged".

        Raises:
            UsageError: no averages are kept.
        """
        arrays = self.averaged() if which == "averaged" else self.arrays
        if not arrays and Config(**self.config).ema_decay:
            raise UsageError("Of this run one generator alone was kept; leave out --weights to draw with it.")
        if not arrays:
            raise UsageError(
                "This run keeps no averaged weights; leave out --weights, or train a new run with "
                "--ema-decay 0.999."
            )
        return arrays

    def networks_alone(self, generators: Collection[str], discriminator: bool = False) -> "Checkpoint":
        """What it takes to generate images, and to judge them, rounded to float16.

        Args:
            generators: "last", "averaged" or both. The averaged one without the other stands in its place.
            discriminator: whether to keep it too.

        Raises:
            UsageError: no averages are kept.
        """
        both = {"last", "averaged"} <= {*generators}
        left_out = (".adam_m", ".adam_v", *(() if both else (".average",)))
        arrays = {name: array for name, array in self.arrays.items() if not name.endswith(left_out)}
        if "last" not in generators:
            arrays |= self.generator("averaged")
        if not discriminator:
            arrays = {name: array for name, array in arrays.items() if name.startswith("generator.")}
        return replace(self, arrays={name: array.astype(np.float16) for name, array in arrays.items()})

    def save(self, path: Path) -> None:
        """Write the file atomically.

        Raises:
            GanError: it cannot be written; what was at `path` before is untouched.
        """
        metadata = {
            "format": FORMAT,
            "iteration": str(self.iteration),
            "config": json.dumps(self.config),
        }
        metadata["sha256"] = digest(self.arrays, metadata)
        with replacing(path) as temporary:
            temporary.write_bytes(safetensors.numpy.save(self.arrays, metadata))


def load(path: Path) -> Checkpoint:
    """Read the checkpoint at `path`; what is float16 there is float32 here.

    Raises:
        GanError: it cannot be read, is damaged, or belongs to other networks.
    """
    try:
        path.open("rb").close()  # says why, where safetensors does not
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise GanError(f"{path} cannot be read ({reason(error)}); check its permissions.") from None
    except safetensors.SafetensorError:
        raise GanError(
            f"{path} is cut short or is not a checkpoint; delete it to go on from the one before."
        ) from None
    if metadata.get("format") != FORMAT:
        raise GanError(
            f"{path} is not a checkpoint of this project ({FORMAT!r} is not in its metadata); "
            "choose another one."
        )
    recorded = metadata.pop("sha256", None)  # older versions kept none
    if recorded is not None and recorded != digest(stored, metadata):
        raise GanError(
            f"{path} is damaged (its numbers do not have the SHA-256 they were saved with); delete it to go "
            "on from the one before."
        )
    try:
        iteration, recorded = int(metadata["iteration"]), json.loads(metadata["config"])
        config = Config(**recorded)  # older versions had fewer settings
    except (KeyError, TypeError, ValueError, UsageError):
        raise GanError(f"{path} has damaged metadata; delete it to go on from the one before.") from None
    arrays = {name: at_least_float32(array) for name, array in stored.items()}
    state = Checkpoint(iteration, recorded, arrays)
    check_architecture(path, state, config)
    return state


def digest(arrays: Arrays, metadata: dict[str, str]) -> str:
    """The SHA-256 of everything in a checkpoint: a bit that flips on a disk does not go unnoticed."""
    sha256 = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        sha256.update(f"{name} {array.dtype} {array.shape}".encode())
        sha256.update(np.ascontiguousarray(array).data)
    return sha256.hexdigest()


def at_least_float32(array: np.ndarray) -> np.ndarray:
    """`array`, in which frameworks compute."""
    return array.astype(np.promote_types(array.dtype, np.float32), copy=False)


def check_architecture(path: Path, state: Checkpoint, config: Config) -> None:
    """Raise `GanError` unless `state` has what is kept of these two networks, or of their generator."""
    averages = config.ema_decay and (state.can_be_resumed or state.has_averages)
    both = state.can_be_resumed or state.has_discriminator
    for name, weight in weights(config).items():
        of_generator = name.startswith("generator.")
        parts = [name] if of_generator or both else []
        if weight.trained and state.can_be_resumed:
            parts += [f"{name}.adam_m", f"{name}.adam_v"]
        if weight.trained and averages and of_generator:
            parts.append(f"{name}.average")
        for part in parts:
            found = state.arrays[part].shape if part in state.arrays else "nothing"
            if found != weight.shape:
                raise GanError(
                    f"{path} is of another architecture: {part} should be {weight.shape} but is {found}; "
                    "choose a checkpoint of this GAN."
                )
