"""Both networks, drawn from their real widths: `networks-discriminator.svg` and `networks-generator.svg`.

A bar is as high as its layer is wide; between two bars stands the number of weights and biases. The little
curves are the activations; the ten dots, three of them empty, are dropout. Source: `common/networks.py`.
"""

from math import prod

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from common.config import Config
from common.networks import Dense, Network, networks
from docs.figures.style import BLUE, GREEN, GREY, ORANGE, figure, save

GAP = 520  # from one bar to the next; all lengths in units
BAR = 44  # how thick one is
LOWEST = -512  # where the highest bar ends
HALF = 64  # of a little curve


def main() -> None:
    """Draw both."""
    config = Config()
    discriminator, generator = networks(config)
    draw(discriminator, ("$x$", "$D(x)$"), BLUE, config.dropout)
    draw(generator, ("$z$", "$G(z)$"), ORANGE, dropout=0)


def draw(network: Network, ends: tuple[str, str], colour: str, dropout: float) -> None:
    """One network, from left to right."""
    layers = [layer for layer in network.layers if isinstance(layer, Dense)]  # which they all are
    widths = [layers[0].fan_in, *(layer.fan_out for layer in layers)]
    drawn = figure(8, 4.8)
    ax = drawn.add_subplot()
    ax.set_axis_off()
    ax.set_aspect("equal")
    last = GAP * (len(widths) - 1)
    ax.set(xlim=(-200, last + 240), ylim=(LOWEST - 300, 620))

    for number, layer in enumerate(layers):
        left, right = GAP * number + BAR / 2, GAP * (number + 1) - BAR / 2
        edge = np.array([layer.fan_in, layer.fan_out, -layer.fan_out, -layer.fan_in]) / 2
        ax.fill([left, right, right, left], edge, color=colour, alpha=0.15, lw=0)
        count = sum(prod(weight.shape) for weight in layer.weights.values())
        ax.text((left + right) / 2, 0, f"{count:,}", ha="center", va="center")

    for number, width in enumerate(widths):
        x = GAP * number
        ax.add_patch(Rectangle((x - BAR / 2, -width / 2), BAR, width, color=colour))
        ax.text(x, width / 2 + 24, f"{width:,}", ha="center", va="bottom", weight="bold")
    ax.text(-60, 0, ends[0], ha="right", va="center", size=16)
    ax.text(last + 50, 0, ends[1], ha="left", va="center", size=16)

    for number, layer in enumerate(layers, start=1):
        x, y = GAP * number, LOWEST - 140
        activation = "sigmoid" if layer.activation == "none" else layer.activation  # of a logit
        drops = dropout > 0 and activation == "LeakyReLU"
        aside = 90 if drops else 0
        curve(ax, x - aside, y, activation)
        label = "0.2" if activation == "LeakyReLU" else activation
        ax.text(x - aside, y - 84, label, ha="center", va="top")
        if drops:
            ten_units(ax, x + aside, y, dropout)
            ax.text(x + aside, y - 84, f"{dropout}", ha="center", va="top")
    save(drawn, f"networks-{network.name}")


def curve(ax: Axes, x: float, y: float, activation: str) -> None:
    """A small picture of the activation around (x, y)."""
    at = np.linspace(-1, 1, 41)
    shapes = {
        "LeakyReLU": np.maximum(0.2 * at, at),
        "tanh": np.tanh(3 * at),
        "sigmoid": 1 / (1 + np.exp(-5 * at)),
    }
    ax.plot([x - HALF, x + HALF], [y, y], color=GREY, lw=0.6)
    ax.plot([x, x], [y - HALF, y + HALF], color=GREY, lw=0.6)
    ax.plot(x + HALF * at, y + HALF * shapes[activation], color=GREEN, lw=2)


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
