"""What flows in one iteration: left the discriminator step, right the generator step.

Filled is the network that learns. Images and noise flow down the solid arrows, gradients up the dashed ones;
the cross is where `detach` (or the tape, or `stop_gradient`) cuts them. The numbers are those of the comments
in `training.py` of each framework.
"""

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from docs.figures.style import BLUE, GREY, ORANGE, RED, figure, save

BOX = 1.3  # height of a box; all lengths in units
NOISE, GENERATOR, DISCRIMINATOR, LOSS = 12.2, 9.6, 5.2, 1.0  # heights of what is drawn


def main() -> None:
    """Draw both steps."""
    drawn = figure(8, 6.8)
    left, right = drawn.subplots(1, 2)
    for ax in (left, right):
        ax.set_axis_off()
        ax.set(xlim=(-0.6, 8.2), ylim=(0, 13.4))

    images(left, 2, "d_noise")
    box(left, 2, GENERATOR, "$G$", ORANGE)
    flow(left, 2, GENERATOR, DISCRIMINATOR, "$G(z)$", side=-1)
    text(left, 6, NOISE, "$x$", "real_images")
    flow(left, 6, NOISE + 0.2, DISCRIMINATOR)
    box(left, 4, DISCRIMINATOR, "$D$", BLUE, width=6, learns=True)
    flow(left, 2, DISCRIMINATOR, LOSS, "$D(G(z))$", side=-1)
    flow(left, 6, DISCRIMINATOR, LOSS, "$D(x)$", side=1)
    box(left, 4, LOSS, "$L_D$", GREY, width=6)
    gradient(left, 4, LOSS, DISCRIMINATOR)
    gradient(left, 3, DISCRIMINATOR, GENERATOR - 1.9, label="")
    left.plot(3, GENERATOR - 2.0, "x", color=RED, ms=13, mew=3)
    number(left, 0.2, GENERATOR, 1)
    number(left, 0.2, LOSS, 2)
    number(left, 0.2, DISCRIMINATOR, 3)

    images(right, 4, "g_noise")
    box(right, 4, GENERATOR, "$G$", ORANGE, learns=True)
    flow(right, 4, GENERATOR, DISCRIMINATOR, "$G(z)$", side=-1)
    box(right, 4, DISCRIMINATOR, "$D$", BLUE)
    flow(right, 4, DISCRIMINATOR, LOSS, "$D(G(z))$", side=-1)
    box(right, 4, LOSS, "$L_G$", GREY)
    gradient(right, 4.9, LOSS, DISCRIMINATOR)
    gradient(right, 4.9, DISCRIMINATOR, GENERATOR)
    number(right, 2.2, LOSS, 4)
    number(right, 2.2, GENERATOR, 5)
    save(drawn, "iteration")


def text(ax: Axes, x: float, y: float, symbol: str, name: str) -> None:
    """What comes from outside: its symbol and its name in the code."""
    ax.text(x, y, symbol, ha="center", va="center", size=19)
    ax.text(x, y + 0.55, name, ha="center", va="bottom", size=12, family="monospace")


def images(ax: Axes, x: float, noise: str) -> None:
    """Noise flows into the generator."""
    text(ax, x, NOISE, "$z$", noise)
    flow(ax, x, NOISE + 0.2, GENERATOR)


def box(
    ax: Axes, x: float, y: float, symbol: str, colour: str, width: float = 2.4, learns: bool = False
) -> None:
    """A network or a loss; filled if it learns."""
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - BOX / 2),
            width,
            BOX,
            boxstyle="round,pad=0,rounding_size=0.25",
            facecolor=colour if learns else "none",
            edgecolor=colour,
            lw=2,
        )
    )
    ax.text(x, y, symbol, ha="center", va="center", size=19, color="white" if learns else colour)


def flow(ax: Axes, x: float, start: float, end: float, label: str = "", side: int = 1) -> None:
    """Down, from the lower edge of one box to the upper edge of another."""
    arrow(ax, x, start - BOX / 2, end + BOX / 2, GREY, "-")
    align = "left" if side > 0 else "right"
    ax.text(x + 0.3 * side, (start + end) / 2, label, ha=align, va="center", size=15)


def gradient(ax: Axes, x: float, start: float, end: float, label: str = "grad") -> None:
    """Up, dashed."""
    arrow(ax, x, start + BOX / 2, end - BOX / 2, RED, "--")
    ax.text(x + 0.3, (start + end) / 2, label, va="center", size=12, family="monospace", color=RED)


def arrow(ax: Axes, x: float, start: float, end: float, colour: str, line: str) -> None:
    """A vertical arrow."""
    ax.annotate(
        "",
        (x, end),
        (x, start),
        arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.8, "ls": line, "shrinkA": 2, "shrinkB": 2},
    )


def number(ax: Axes, x: float, y: float, value: int) -> None:
    """A number in a circle."""
    ax.plot(x, y, "o", ms=23, mfc="none", mec=GREY)
    ax.text(x, y, str(value), ha="center", va="center_baseline", size=13)


if __name__ == "__main__":
    main()
