"""The whole of a GAN in one picture: noise becomes images, D judges these and real ones, gradients go back.

Images and noise flow along the solid arrows, gradients along the dashed ones.
"""

from matplotlib.axes import Axes

from docs.figures.iteration import BOX, box
from docs.figures.style import BLUE, GREY, ORANGE, RED, figure, save

ABOVE, MIDDLE, BELOW = 3.2, 1.9, 0.6  # heights of what is drawn, in units


def main() -> None:
    """Draw it."""
    drawn = figure(8, 2.9)
    ax = drawn.subplots()
    ax.set_axis_off()
    ax.set(xlim=(-0.4, 14.4), ylim=(-0.6, 4.4), aspect="equal")

    symbol(ax, 0, BELOW, "$z$")
    arrow(ax, (0.4, BELOW), (1.8, BELOW))
    box(ax, 3, BELOW, "$G$", ORANGE)
    arrow(ax, (4.2, BELOW), (5.3, BELOW))
    symbol(ax, 6.2, BELOW, "$G(z)$")
    symbol(ax, 6.2, ABOVE, "$x$")
    arrow(ax, (7.2, BELOW), (8.3, MIDDLE - 0.3))
    arrow(ax, (6.7, ABOVE), (8.3, MIDDLE + 0.3))
    box(ax, 9.5, MIDDLE, "$D$", BLUE)
    arrow(ax, (10.7, MIDDLE), (11.9, MIDDLE))
    ax.text(12, MIDDLE + 0.65, "$D(x) \\to 1$", va="center", size=15, color=BLUE)
    ax.text(12, MIDDLE, "$D(G(z)) \\to 0$", va="center", size=15, color=BLUE)
    ax.text(12, MIDDLE - 0.65, "$D(G(z)) \\to 1$", va="center", size=15, color=ORANGE)
    arrow(ax, (9.5, MIDDLE - BOX / 2), (3, BELOW - BOX / 2), RED, "--", bend=-0.28)
    save(drawn, "overview")


def symbol(ax: Axes, x: float, y: float, name: str) -> None:
    """Noise or an image."""
    ax.text(x, y, name, ha="center", va="center", size=19)


def arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str = GREY,
    line: str = "-",
    bend: float = 0,
) -> None:
    """From one point to another, straight or in an arc."""
    ax.annotate(
        "",
        end,
        start,
        arrowprops={
            "arrowstyle": "-|>",
            "color": colour,
            "lw": 1.8,
            "ls": line,
            "shrinkA": 2,
            "shrinkB": 2,
            "connectionstyle": f"arc3,rad={bend}",
        },
    )


if __name__ == "__main__":
    main()
