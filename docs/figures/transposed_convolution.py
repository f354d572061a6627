"""What a transposed convolution does, and why its kernel is 4 x 4 where its stride is 2.

Every number of the input stamps the kernel, times itself, on the output, two pixels further than its
neighbour does; where stamps overlap, they add up. Left: the stamps of three neighbours with a kernel of 4.
Middle and right: how many stamps each pixel gets, with kernels of 4 and of 3. A size that the stride divides
covers all pixels alike; any other leaves a checkerboard (Odena et al., "Deconvolution and Checkerboard
Artifacts", Distill, 2016, doi:10.23915/distill.00003).
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from docs.figures.style import BLUE, GREEN, GREY, ORANGE, figure, save

SIZE, STRIDE = 7, 2  # of the input; of the stamps


def stamps(kernel: int) -> np.ndarray:
    """How many stamps each pixel gets before the border is cut off: integers (n, n)."""
    size = STRIDE * (SIZE - 1) + kernel
    counts = np.zeros((size, size), int)
    for row, column in STRIDE * np.array(list(np.ndindex(SIZE, SIZE))):
        counts[row : row + kernel, column : column + kernel] += 1
    return counts


def main() -> None:
    """Draw all three."""
    drawn = figure(9, 3.3)
    first, even, uneven = drawn.subplots(1, 3)
    draw_stamps(first)
    for axes, kernel in ((even, 4), (uneven, 3)):
        counts = stamps(kernel)
        axes.imshow(counts, cmap="viridis", vmin=1, vmax=4)
        axes.set_title(f"kernel {kernel}, stride {STRIDE}", color=GREY)
        for (row, column), count in np.ndenumerate(counts[:4, :4]):
            colour = "black" if count == 4 else "white"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, size=8)
        axes.set_axis_off()
    save(drawn, "transposed_convolution")


def draw_stamps(axes: Axes) -> None:
    """Three neighbours and where their kernels fall, one below the other so that they can be told apart."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set(xlim=(-0.5, 9.5), ylim=(-1.2, 8.2))
    for number, colour in enumerate((BLUE, ORANGE, GREEN)):
        x = STRIDE * number + 2.0
        axes.add_patch(Rectangle((x - 0.5, 6.6), 1, 1, color=colour))
        axes.plot([x, x], [6.5, 5.3 - 1.4 * number], color=colour, linewidth=1)
        for y in (4.3 - 1.4 * number, -0.6):  # its own stamp, and what they add up to
            for step in range(4):
                corner = (x - 2 + step, y)
                axes.add_patch(Rectangle(corner, 1, 1, facecolor=colour, edgecolor=GREY, alpha=0.5))
