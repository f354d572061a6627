"""The networks, drawn from their real sizes: `networks-*.svg`, those of step 1 and those of a DCGAN.

A bar is a row of numbers, as high as there are; a box is a picture of several channels, as deep as there are.
On the band between two of them stands the number of weights and biases; where a kernel slides, one of its
places is outlined. The little curves are the activations, a bell is batch normalisation with its number of
weights, and ten dots, some of them empty, are dropout. Source: `common/networks.py`.
"""

from dataclasses import dataclass, replace
from math import prod

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from common.config import RECIPES, Config
from common.networks import (
    KERNEL,
    PADDING,
    STRIDE,
    BatchNormalisation,
    Convolution,
    Dense,
    Layer,
    Network,
    TransposedConvolution,
    networks,
)
from docs.figures.style import BLUE, GREEN, GREY, ORANGE, figure, save

BAR = 44  # how thick one is; all lengths in units, of which a number in a row has one
PIXEL = 20
CHANNEL = 0.8  # to the right and upwards
BETWEEN_BARS, BESIDE_BOXES = 476, 260  # room for the number of weights
HALF = 64  # of a little curve
STEP = 180  # from one little curve to the next


@dataclass(frozen=True)
class Stage:
    """What lies between two layers: a row of `channels` numbers, or `channels` pictures of `size` pixels."""

    channels: int
    size: int = 0  # height and width
    weights: int = 0  # of the layer that makes it
    kernel: tuple[int, int] = (0, 0)  # how many pixels it takes from the stage before, and makes in this one
    of_norm: int = 0  # weights of its batch normalisation
    activation: str = ""

    @property
    def label(self) -> str:
        """Its shape."""
        return f"{self.size} x {self.size} x {self.channels}" if self.size else f"{self.channels:,}"

    @property
    def width(self) -> float:
        """Of a bar, or of the front of a box."""
        return PIXEL * self.size if self.size else BAR

    @property
    def height(self) -> float:
        """Of a bar, or of the front of a box."""
        return PIXEL * self.size if self.size else self.channels

    @property
    def depth(self) -> float:
        """How far the back of a box lies to the right of its front, and above it."""
        return CHANNEL * self.channels if self.size else 0


def main() -> None:
    """Draw all four."""
    for recipe, prefix in (("gan", ""), ("dcgan", "convolutional-")):
        settings = RECIPES[recipe]
        config = Config(networks=settings["networks"], dropout=settings.get("dropout", Config.dropout))
        discriminator, generator = networks(config)
        draw(discriminator, prefix, ("$x$", "$D(x)$"), BLUE, config.dropout)
        draw(generator, prefix, ("$z$", "$G(z)$"), ORANGE, dropout=0)


def stages(network: Network) -> list[Stage]:
    """What the first layer takes and what each layer makes. Batch normalisation makes nothing of its own."""
    found: list[Stage] = []
    for layer in network.layers:
        match layer:
            case Dense(fan_in=fan_in, fan_out=fan_out, activation=activation):
                found = found or [Stage(fan_in)]
                found.append(Stage(fan_out, weights=count(layer), activation=activation))
            case Convolution(size=size, channels_in=taken, channels_out=made, activation=activation):
                found = found or [Stage(taken, size)]
                found.append(Stage(made, size // STRIDE, count(layer), (KERNEL, 1), activation=activation))
            case TransposedConvolution(
                size=size, channels_in=taken, channels_out=made, activation=activation
            ):
                found[-1] = replace(found[-1], channels=taken, size=size)  # the same numbers, as a picture
                found.append(Stage(made, size * STRIDE, count(layer), (1, KERNEL), activation=activation))
            case BatchNormalisation(activation=activation):
                found[-1] = replace(found[-1], of_norm=count(layer), activation=activation)
    return found


def count(layer: Layer) -> int:
    """Numbers that it learns."""
    return sum(prod(weight.shape) for weight in layer.weights.values() if weight.trained)


def draw(network: Network, prefix: str, ends: tuple[str, str], colour: str, dropout: float) -> None:
    """One network, from left to right."""
    drawn = stages(network)
    between = BESIDE_BOXES if any(stage.size for stage in drawn) else BETWEEN_BARS
    lefts = [0.0]
    for stage in drawn[:-1]:
        lefts.append(lefts[-1] + stage.width + stage.depth + between)
    end = lefts[-1] + drawn[-1].width + drawn[-1].depth
    lowest = -max(stage.height for stage in drawn) / 2
    xlim, ylim = (
        (-180, end + 220),
        (lowest - 300, max(stage.height / 2 + stage.depth for stage in drawn) + 110),
    )
    canvas = figure(8, 8 * (ylim[1] - ylim[0]) / (xlim[1] - xlim[0]) + 0.2)
    ax = canvas.add_subplot()
    ax.set_axis_off()
    ax.set(xlim=xlim, ylim=ylim, aspect="equal")

    for number in range(1, len(drawn)):
        band(ax, drawn[number - 1], lefts[number - 1], drawn[number], lefts[number], colour)
    for stage, left in zip(drawn, lefts, strict=True):
        bar_or_box(ax, stage, left, colour)
    for number in range(1, len(drawn)):
        if any(drawn[number].kernel):
            place_of_kernel(ax, drawn[number - 1], lefts[number - 1], drawn[number], lefts[number])
    ax.text(-38, 0, ends[0], ha="right", va="center", size=16)
    ax.text(end + 28, 0, ends[1], ha="left", va="center", size=16)

    for stage, left in zip(drawn[1:], lefts[1:], strict=True):
        below(ax, stage, left + stage.width / 2, lowest - 140, dropout)
    save(canvas, f"networks-{prefix}{network.name}")


def band(ax: Axes, before: Stage, left_before: float, after: Stage, left: float, colour: str) -> None:
    """A layer: from what it takes to what it makes."""
    right = left_before + before.width
    edge = np.array([before.height, after.height, -after.height, -before.height]) / 2
    ax.fill([right, left, left, right], edge, color=colour, alpha=0.15, lw=0)
    ax.text((right + before.depth + left) / 2, 0, f"{after.weights:,}", ha="center", va="center")


def bar_or_box(ax: Axes, stage: Stage, left: float, colour: str) -> None:
    """What lies between two layers, with its shape above it."""
    right, top, depth = left + stage.width, stage.height / 2, stage.depth
    lid = [left, left + depth, right + depth, right], [top, top + depth, top + depth, top]
    side = [right, right + depth, right + depth, right], [top, top + depth, depth - top, -top]
    ax.fill(*lid, color=colour, alpha=0.4, lw=0)
    ax.fill(*side, color=colour, alpha=0.7, lw=0)
    ax.add_patch(Rectangle((left, -top), stage.width, stage.height, color=colour))
    ax.text(
        (left + right + depth) / 2, top + depth + 24, stage.label, ha="center", va="bottom", weight="bold"
    )


def place_of_kernel(ax: Axes, before: Stage, left_before: float, after: Stage, left: float) -> None:
    """One of the places of a kernel: the pixels that it takes, and those that it makes."""
    small = min(before.size, after.size)
    row, column = small // 4, small // 2  # of a single pixel; above the number of weights
    ends = []
    for stage, beginning, pixels in zip((before, after), (left_before, left), after.kernel, strict=True):
        first = (STRIDE * row - PADDING, STRIDE * column - PADDING) if pixels == KERNEL else (row, column)
        x, y = beginning + PIXEL * first[1], stage.height / 2 - PIXEL * (first[0] + pixels)
        ax.add_patch(Rectangle((x, y), PIXEL * pixels, PIXEL * pixels, fill=False, edgecolor="white"))
        ends.append((x, y, PIXEL * pixels))
    (x, y, side), (to_x, to_y, to_side) = ends
    for upwards in (0, 1):
        heights = [y + upwards * side, to_y + upwards * to_side]
        ax.plot([x + side, to_x], heights, color="white", lw=0.8, alpha=0.8)


def below(ax: Axes, stage: Stage, x: float, y: float, dropout: float) -> None:
    """What happens to a stage, in little pictures around (x, y): normalisation, activation, dropout."""
    activation = "sigmoid" if stage.activation == "none" else stage.activation  # of a logit
    drawings = [("norm", f"{stage.of_norm}")] if stage.of_norm else []
    drawings.append((activation, "0.2" if activation == "LeakyReLU" else activation))
    if dropout > 0 and activation == "LeakyReLU":
        drawings.append(("dropout", f"{dropout}"))
    x -= STEP * (len(drawings) - 1) / 2
    for name, label in drawings:
        if name == "dropout":
            ten_units(ax, x, y, dropout)
        else:
            curve(ax, x, y, name)
        ax.text(x, y - 84, label, ha="center", va="top")
        x += STEP


def curve(ax: Axes, x: float, y: float, name: str) -> None:
    """A small picture of a function around (x, y)."""
    at = np.linspace(-1, 1, 41)
    shapes = {
        "LeakyReLU": np.maximum(0.2 * at, at),
        "tanh": np.tanh(3 * at),
        "sigmoid": 1 / (1 + np.exp(-5 * at)),
        "norm": np.exp(-6 * at**2),
    }
    ax.plot([x - HALF, x + HALF], [y, y], color=GREY, lw=0.6)
    ax.plot([x, x], [y - HALF, y + HALF], color=GREY, lw=0.6)
    ax.plot(x + HALF * at, y + HALF * shapes[name], color=GREEN, lw=2)


def ten_units(ax: Axes, x: float, y: float, share: float) -> None:
    """Ten units around (x, y), of which dropout leaves a share out."""
    dropped = [1, 5, 6, 8, 3, 0, 9, 2, 7, 4][: round(10 * share)]
    for unit in range(10):
        row, column = divmod(unit, 2)
        inside = "none" if unit in dropped else GREEN
        at = x + 36 * (column - 0.5), y + 29 * (row - 2)
        ax.plot(*at, "o", ms=5, mec=GREEN, mew=1, mfc=inside)


if __name__ == "__main__":
    main()
