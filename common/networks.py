"""What the two networks consist of, written once: a table of layers for each.

The frameworks write the same networks by hand, each in its own idiom. Whatever else must know the layers
follows from here: names, shapes and initial values of the weights, what a checkpoint must hold, the generator
in NumPy, the drawings.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from common.config import Config
from common.data.mnist import PIXELS

DISCRIMINATOR_HIDDEN_WIDTHS = (1024, 512, 256)
GENERATOR_HIDDEN_WIDTHS = (256, 512, 1024)
SLOPE = 0.2  # LeakyReLU(x) = max(x, 0.2 x)
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "LeakyReLU": lambda x: np.maximum(x, SLOPE * x),
    "tanh": np.tanh,
    "none": lambda x: x,
}


class Weight(NamedTuple):
    """One of the arrays that a layer learns."""

    shape: tuple[int, ...]
    fan_in: int  # how many numbers each unit of its layer adds up


@dataclass(frozen=True)
class Dense:
    """y = activation(x W + b)."""

    name: str
    fan_in: int
    fan_out: int
    activation: str  # one of `ACTIVATIONS`

    @property
    def weights(self) -> dict[str, Weight]:
        """The kernel W and the bias b."""
        return {
            "kernel": Weight((self.fan_in, self.fan_out), self.fan_in),
            "bias": Weight((self.fan_out,), self.fan_in),
        }

    def __call__(self, x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """(B, fan_in) -> (B, fan_out)."""
        return ACTIVATIONS[self.activation](x @ kernel + bias)


@dataclass(frozen=True)
class Network:
    """Layers, one after the other."""

    name: str
    layers: tuple[Dense, ...]

    @property
    def weights(self) -> dict[str, Weight]:
        """Canonical name, such as `generator.dense1.kernel`, -> weight, in the order of the layers."""
        return {
            f"{self.name}.{layer.name}.{name}": weight
            for layer in self.layers
            for name, weight in layer.weights.items()
        }

    def __call__(self, arrays: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        """What it makes of `x` outside training, in NumPy.

        Args:
            arrays: those of a checkpoint, or their averages; see `checkpoint.averaged`.
        """
        for layer in self.layers:
            x = layer(x, **{name: arrays[f"{self.name}.{layer.name}.{name}"] for name in layer.weights})
        return x


def networks(config: Config) -> tuple[Network, Network]:
    """The discriminator, images (B, 784) -> logits (B, 1), and the generator, noise -> images in [-1, 1].

    With labels both take them behind images and noise, see `feed.with_labels`.
    """
    discriminator_widths = (PIXELS + config.classes, *DISCRIMINATOR_HIDDEN_WIDTHS, 1)
    generator_widths = (config.noise_dim + config.classes, *GENERATOR_HIDDEN_WIDTHS, PIXELS)
    return (
        Network("discriminator", dense_layers(discriminator_widths, last_activation="none")),
        Network("generator", dense_layers(generator_widths, last_activation="tanh")),
    )


def dense_layers(widths: Sequence[int], last_activation: str) -> tuple[Dense, ...]:
    """`dense1`, `dense2` and so on from each width to the next, the hidden ones with LeakyReLU."""
    activations = ["LeakyReLU"] * (len(widths) - 2) + [last_activation]
    layers = zip(pairwise(widths), activations, strict=True)
    return tuple(
        Dense(f"dense{number}", fan_in, fan_out, activation)
        for number, ((fan_in, fan_out), activation) in enumerate(layers, start=1)
    )


def weights(config: Config) -> dict[str, Weight]:
    """Canonical name -> weight of both networks."""
    discriminator, generator = networks(config)
    return discriminator.weights | generator.weights
