"""What one iteration computes: the matrix products of its layers.

A layer y = x W has three: y itself, and on the way back the gradients of its weights and of its input. So has
a convolution, with a row for each place where its kernel lies.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from common.config import Config
from common.networks import KERNEL, STRIDE, Convolution, Dense, Network, TransposedConvolution, networks

Multiplying = Dense | Convolution | TransposedConvolution


class Product(NamedTuple):
    """One of the three of a layer, for so many images."""

    of: Literal["output", "weight gradients", "input gradients"]
    images: int
    layer: Multiplying

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        match self.layer:
            case Dense(fan_in=fan_in, fan_out=fan_out):
                places = 1
            case Convolution(size=size, channels_in=channels, channels_out=fan_out):
                places, fan_in = (size // STRIDE) ** 2, KERNEL**2 * channels
            case TransposedConvolution(size=size, channels_in=fan_in, channels_out=channels):
                places, fan_out = size**2, KERNEL**2 * channels
        return 2 * self.images * places * fan_in * fan_out


class Passes:
    """Through a network, forth and back; each method lists the products of one over so many images."""

    def __init__(self, network: Network) -> None:
        self.layers = [layer for layer in network.layers if isinstance(layer, Multiplying)]

    def forward(self, images: int) -> list[Product]:
        """The output of every layer."""
        return [Product("output", images, layer) for layer in self.layers]

    def weight_gradients(self, images: int) -> list[Product]:
        """For every layer."""
        return [Product("weight gradients", images, layer) for layer in self.layers]

    def input_gradients(self, images: int, first_layer: int = 0) -> list[Product]:
        """For every layer from `first_layer` on."""
        return [Product("input gradients", images, layer) for layer in self.layers[first_layer:]]


class Work:
    """Both networks of a configuration, and what loops compute with them in one iteration."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.rows = config.batch_size
        self.discriminator, self.generator = map(Passes, networks(config))

    def ours(self) -> list[Product]:
        """What no loop of this GAN can avoid, in its order."""
        rows, discriminator, generator = self.rows, self.discriminator, self.generator
        discriminator_step = [
            # Generate, judge real and generated images, improve D.
            *generator.forward(rows),
            *discriminator.forward(2 * rows),
            *discriminator.weight_gradients(2 * rows),
            *discriminator.input_gradients(2 * rows, first_layer=1),
        ]
        if self.config.gradient_penalty:
            discriminator_step += [
                # D's slope at images in between, and from there, along the layers again, to D's weights.
                *discriminator.forward(rows),
                *discriminator.input_gradients(rows),
                *discriminator.forward(rows)[:-1],
                *discriminator.weight_gradients(rows),
            ]
        return [
            *self.config.critic_steps * discriminator_step,
            # The generator step: generate, judge, carry the gradient through D, improve G.
            *generator.forward(rows),
            *discriminator.forward(rows),
            *discriminator.input_gradients(rows),
            *generator.weight_gradients(rows),
            *generator.input_gradients(rows, first_layer=1),
        ]

    def from_one_noise(self) -> list[Product]:
        """Where D and G learn from the same generated images, and D sees them once: TensorFlow's tutorial."""
        rows, discriminator, generator = self.rows, self.discriminator, self.generator
        return [
            *generator.forward(rows),
            *discriminator.forward(2 * rows),
            *discriminator.weight_gradients(2 * rows),
            *discriminator.input_gradients(2 * rows, first_layer=1),
            *discriminator.input_gradients(rows),  # of another loss than D's, so once more
            *generator.weight_gradients(rows),
            *generator.input_gradients(rows, first_layer=1),
        ]

    def one_noise_detached(self) -> list[Product]:
        """Where D and G learn from the same generated images, which D sees again: PyTorch's tutorial.

        The gradient of G's loss is computed for D's weights too.
        """
        rows, discriminator, generator = self.rows, self.discriminator, self.generator
        return [*self.ours()[len(generator.layers) :], *discriminator.weight_gradients(rows)]

    def nothing_cut(self, judged_together: bool) -> list[Product]:
        """Where D's gradient goes on into G, and G's is computed for the weights of D too.

        Args:
            judged_together: real and generated images in one pass; then the gradient goes on to both.
        """
        rows, discriminator, generator = self.rows, self.discriminator, self.generator
        return [
            *self.ours(),
            *discriminator.input_gradients(2 * rows if judged_together else rows)[:1],
            *generator.weight_gradients(rows),
            *generator.input_gradients(rows, first_layer=1),
            *discriminator.weight_gradients(rows),
        ]


def gigaflop(products: Sequence[Product]) -> float:
    """Multiplications and additions, in 10**9."""
    return sum(product.operations for product in products) / 1e9
