"""What one iteration computes: the matrix products of its layers.

A layer y = x W has three: y itself, and on the way back the gradients of its weights and of its input. So has
a convolution, with a row for each place where its kernel lies.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from common.config import Config
from common.networks import (
    KERNEL,
    STRIDE,
    Convolution,
    Dense,
    Layer,
    Network,
    TransposedConvolution,
    networks,
)


class Product(NamedTuple):
    """One matrix product of a layer."""

    of: Literal["output", "weight gradients", "input gradients"]
    rows: int
    fan_in: int
    fan_out: int


class Passes:
    """Through a network, forth and back; each method lists the products of one over `rows` rows."""

    def __init__(self, network: Network) -> None:
        self.layers = [product for layer in network.layers if (product := product_of(layer))]

    def forward(self, rows: int) -> list[Product]:
        """The output of every layer."""
        return [Product("output", rows * places, *widths) for places, *widths in self.layers]

    def weight_gradients(self, rows: int) -> list[Product]:
        """For every layer."""
        return [Product("weight gradients", rows * places, *widths) for places, *widths in self.layers]

    def input_gradients(self, rows: int, first_layer: int = 0) -> list[Product]:
        """For every layer from `first_layer` on."""
        layers = self.layers[first_layer:]
        return [Product("input gradients", rows * places, *widths) for places, *widths in layers]


def product_of(layer: Layer) -> tuple[int, int, int] | None:
    """The rows for each image, fan_in and fan_out of what a layer multiplies, if it does."""
    match layer:
        case Dense():
            return 1, layer.fan_in, layer.fan_out
        case Convolution():
            return (layer.size // STRIDE) ** 2, KERNEL**2 * layer.channels_in, layer.channels_out
        case TransposedConvolution():
            return layer.size**2, layer.channels_in, KERNEL**2 * layer.channels_out
    return None


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
    return sum(2 * rows * fan_in * fan_out for _, rows, fan_in, fan_out in products) / 1e9
