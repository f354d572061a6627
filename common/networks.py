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
from numpy.lib.stride_tricks import sliding_window_view

from common.config import Config
from common.data.mnist import IMAGE_SIZE, PIXELS

DISCRIMINATOR_HIDDEN_WIDTHS = (1024, 512, 256)
GENERATOR_HIDDEN_WIDTHS = (256, 512, 1024)
CHANNELS = (32, 64)  # of the discriminator's convolutions; of the generator's the other way round
DCGAN_HIDDEN_WIDTH = 256  # of the discriminator's dense layer, the only one that sees all of an image
KERNEL, STRIDE, PADDING = 4, 2, 1  # of every convolution: one of the few that mean the same everywhere
EPSILON = 1e-5  # of batch normalisation
SLOPE = 0.2  # LeakyReLU(x) = max(x, 0.2 x)
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "LeakyReLU": lambda x: np.maximum(x, SLOPE * x),
    "tanh": np.tanh,
    "none": lambda x: x,
}


class Weight(NamedTuple):
    """One of the arrays of a layer."""

    shape: tuple[int, ...]
    fan_in: int = 0  # how many numbers each unit of its layer adds up
    begins_as: float | None = None  # None: random numbers, uniform in ±1/sqrt(fan_in)
    trained: bool = True  # else it is a running statistic


def kernel_and_bias(
    shape: tuple[int, ...], fan_in: int, channels_out: int, has_bias: bool = True
) -> dict[str, Weight]:
    """What most layers learn: a kernel of this shape, and a number for each channel that they make."""
    kernel = {"kernel": Weight(shape, fan_in)}
    return kernel | {"bias": Weight((channels_out,), fan_in)} if has_bias else kernel


# Layers take and make rows of numbers, one for each image, in the order (height, width, channels).


@dataclass(frozen=True)
class Dense:
    """y = activation(x W + b)."""

    name: str
    fan_in: int
    fan_out: int
    activation: str  # one of `ACTIVATIONS`
    has_bias: bool = True

    @property
    def units(self) -> int:
        """Numbers in a row of what it makes."""
        return self.fan_out

    @property
    def weights(self) -> dict[str, Weight]:
        """The kernel W and the bias b."""
        return kernel_and_bias((self.fan_in, self.fan_out), self.fan_in, self.fan_out, self.has_bias)

    def __call__(self, x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | float = 0.0) -> np.ndarray:
        """(B, fan_in) -> (B, fan_out)."""
        return ACTIVATIONS[self.activation](x @ kernel + bias)


@dataclass(frozen=True)
class Convolution:
    """y = activation(x * K + b), half as high and wide as x."""

    name: str
    size: int  # height and width of what it takes
    channels_in: int
    channels_out: int
    activation: str

    @property
    def units(self) -> int:
        """Numbers in a row of what it makes."""
        return (self.size // STRIDE) ** 2 * self.channels_out

    @property
    def weights(self) -> dict[str, Weight]:
        """The kernel K (height, width, in, out) and the bias b."""
        shape = (KERNEL, KERNEL, self.channels_in, self.channels_out)
        return kernel_and_bias(shape, KERNEL**2 * self.channels_in, self.channels_out)

    def __call__(self, x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """(B, size · size · channels_in) -> (B, size/2 · size/2 · channels_out)."""
        around = ((0, 0), (PADDING, PADDING), (PADDING, PADDING), (0, 0))
        images = np.pad(x.reshape(-1, self.size, self.size, self.channels_in), around)
        patches = sliding_window_view(images, (KERNEL, KERNEL), axis=(1, 2))[:, ::STRIDE, ::STRIDE]
        y = np.tensordot(patches, kernel, axes=((4, 5, 3), (0, 1, 2))) + bias
        return ACTIVATIONS[self.activation](y).reshape(len(x), -1)


@dataclass(frozen=True)
class TransposedConvolution:
    """Twice as high and wide as x: each number of x adds its multiple of K to 4 x 4 places of y."""

    name: str
    size: int  # height and width of what it takes
    channels_in: int
    channels_out: int
    activation: str
    has_bias: bool = True

    @property
    def units(self) -> int:
        """Numbers in a row of what it makes."""
        return (self.size * STRIDE) ** 2 * self.channels_out

    @property
    def weights(self) -> dict[str, Weight]:
        """The kernel K (height, width, out, in) and the bias b."""
        fan_in = (KERNEL // STRIDE) ** 2 * self.channels_in
        shape = (KERNEL, KERNEL, self.channels_out, self.channels_in)
        return kernel_and_bias(shape, fan_in, self.channels_out, self.has_bias)

    def __call__(self, x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | float = 0.0) -> np.ndarray:
        """(B, size · size · channels_in) -> (B, 2 size · 2 size · channels_out)."""
        images = x.reshape(-1, self.size, self.size, self.channels_in)
        made = STRIDE * self.size
        y = np.zeros((len(x), made + 2 * PADDING, made + 2 * PADDING, self.channels_out), x.dtype)
        for row, column in np.ndindex(KERNEL, KERNEL):
            y[:, row : row + made : STRIDE, column : column + made : STRIDE] += images @ kernel[row, column].T
        y = y[:, PADDING:-PADDING, PADDING:-PADDING] + bias
        return ACTIVATIONS[self.activation](y).reshape(len(x), -1)


@dataclass(frozen=True)
class BatchNormalisation:
    """y = activation(gamma (x - mean) / sqrt(variance + epsilon) + beta), for each channel.

    Ioffe & Szegedy, 2015, arXiv:1502.03167: in training mean and variance are those of the batch, and the
    running ones follow them; afterwards they are the running ones (algorithm 2).
    """

    name: str
    channels: int
    units: int
    activation: str

    @property
    def weights(self) -> dict[str, Weight]:
        """What is learnt, and the running statistics."""
        shape = (self.channels,)
        return {
            "gamma": Weight(shape, begins_as=1.0),
            "beta": Weight(shape, begins_as=0.0),
            "running_mean": Weight(shape, begins_as=0.0, trained=False),
            "running_variance": Weight(shape, begins_as=1.0, trained=False),
        }

    def statistics(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Mean and unbiased variance of each channel of `x`."""
        each = x.reshape(-1, self.channels)
        return {"running_mean": each.mean(axis=0), "running_variance": each.var(axis=0, ddof=1)}

    def __call__(
        self,
        x: np.ndarray,
        gamma: np.ndarray,
        beta: np.ndarray,
        running_mean: np.ndarray,
        running_variance: np.ndarray,
    ) -> np.ndarray:
        """(B, units) -> (B, units)."""
        each = x.reshape(-1, self.channels)
        y = gamma * (each - running_mean) / np.sqrt(running_variance + EPSILON) + beta
        return ACTIVATIONS[self.activation](y).reshape(x.shape)


@dataclass(frozen=True)
class LabelPlanes:
    """Each number behind an image fills a channel of its own, as high and wide as the image."""

    name: str
    classes: int
    activation: str = "none"

    @property
    def units(self) -> int:
        """Numbers in a row of what it makes."""
        return PIXELS * (1 + self.classes)

    @property
    def weights(self) -> dict[str, Weight]:
        """There are none."""
        return {}

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(B, 784 + classes) -> (B, 28 · 28 · (1 + classes))."""
        pixels, labels = x[:, :PIXELS, np.newaxis], x[:, np.newaxis, PIXELS:]
        planes = np.broadcast_to(labels, (len(x), PIXELS, self.classes))
        return np.concatenate([pixels, planes], axis=2).reshape(len(x), -1)


Layer = Dense | Convolution | TransposedConvolution | BatchNormalisation | LabelPlanes


@dataclass(frozen=True)
class Network:
    """Layers, one after the other."""

    name: str
    layers: tuple[Layer, ...]

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
            arrays: those of a checkpoint, or their averages; see `Checkpoint.averaged`.
        """
        for layer in self.layers:
            x = layer(x, **{name: arrays[f"{self.name}.{layer.name}.{name}"] for name in layer.weights})
        return x

    def statistics(self, arrays: Mapping[str, np.ndarray], x: np.ndarray) -> dict[str, np.ndarray]:
        """Canonical name -> running statistic, as it would be had the network seen nothing but `x`.

        Args:
            arrays: see `__call__`; they need no statistics.
        """
        found: dict[str, np.ndarray] = {}
        for layer in self.layers:
            if isinstance(layer, BatchNormalisation):
                for name, array in layer.statistics(x).items():
                    found[f"{self.name}.{layer.name}.{name}"] = array
            both = {**arrays, **found}
            x = layer(x, **{name: both[f"{self.name}.{layer.name}.{name}"] for name in layer.weights})
        return found


def networks(config: Config) -> tuple[Network, Network]:
    """The discriminator, images (B, 784) -> logits (B, 1), and the generator, noise -> images in [-1, 1].

    With labels both take them behind images and noise, see `feed.with_labels`.
    """
    kinds = {"dense": dense_networks, "convolutional": convolutional_networks}
    discriminator, generator = kinds[config.networks](config)
    return Network("discriminator", discriminator), Network("generator", generator)


def dense_networks(config: Config) -> tuple[tuple[Layer, ...], tuple[Layer, ...]]:
    """The layers of the two players of step 1."""
    discriminator_widths = (PIXELS + config.classes, *DISCRIMINATOR_HIDDEN_WIDTHS, 1)
    generator_widths = (config.noise_dim + config.classes, *GENERATOR_HIDDEN_WIDTHS, PIXELS)
    return (
        dense_layers(discriminator_widths, last_activation="none"),
        dense_layers(generator_widths, last_activation="tanh"),
    )


def dense_layers(widths: Sequence[int], last_activation: str) -> tuple[Dense, ...]:
    """`dense1`, `dense2` and so on from each width to the next, the hidden ones with LeakyReLU."""
    activations = ["LeakyReLU"] * (len(widths) - 2) + [last_activation]
    layers = zip(pairwise(widths), activations, strict=True)
    return tuple(
        Dense(f"dense{number}", fan_in, fan_out, activation)
        for number, ((fan_in, fan_out), activation) in enumerate(layers, start=1)
    )


def convolutional_networks(config: Config) -> tuple[tuple[Layer, ...], tuple[Layer, ...]]:
    """The layers of the two players of a DCGAN."""
    few, many = CHANNELS
    large, medium, small = IMAGE_SIZE, IMAGE_SIZE // STRIDE, IMAGE_SIZE // STRIDE**2
    labels = (LabelPlanes("labels", config.classes),) if config.classes else ()
    return (
        (
            *labels,
            Convolution("conv1", large, 1 + config.classes, few, "LeakyReLU"),
            Convolution("conv2", medium, few, many, "LeakyReLU"),
            Dense("dense1", small**2 * many, DCGAN_HIDDEN_WIDTH, "LeakyReLU"),
            Dense("dense2", DCGAN_HIDDEN_WIDTH, 1, "none"),
        ),
        (
            # Batch normalisation would take a bias before it away again.
            Dense("dense", config.noise_dim + config.classes, small**2 * many, "none", has_bias=False),
            BatchNormalisation("norm1", many, small**2 * many, "LeakyReLU"),
            TransposedConvolution("conv1", small, many, few, "none", has_bias=False),
            BatchNormalisation("norm2", few, medium**2 * few, "LeakyReLU"),
            TransposedConvolution("conv2", medium, few, 1, "tanh"),
        ),
    )


def weights(config: Config) -> dict[str, Weight]:
    """Canonical name -> weight of both networks."""
    discriminator, generator = networks(config)
    return discriminator.weights | generator.weights
