"""Healthy training and three failures: losses, D(x) and D(G(z)), and the last picture of each run.

Above a picture stands the mean distance between two of its images, pixels in [0, 1].

A row for each of `RUNS`, made on MNIST with seed 0 by

    python -m pytorch_gan train --run runs/NAME --dataset mnist OPTIONS

`python -m docs.figures.failures runs/NAME ...` first keeps these runs in `docs/figures/failures/`.
"""

import sys
from itertools import combinations
from math import log
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from common.data.mnist import IMAGE_SIZE
from common.runs.curves import moving_average
from common.runs.grid import GAP, SCALE
from common.runs.run import Run
from docs.figures.style import BLUE, FOLDER, GREY, ORANGE, figure, save

RUNS = {  # name -> options
    "healthy": "--steps 2000",
    "winning": "--steps 1000 --lr 0.001 --beta1 0.9",
    "too-weak": "--steps 1000 --dropout 0.9",
    "divergence": "--steps 500 --lr 0.01 --beta2 0.9",
}
KEPT = FOLDER / "failures"
THINNING = 20  # iterations in one point
PICTURE = SCALE * (4 * (IMAGE_SIZE + GAP) + GAP)  # screen pixels of 4 x 4 images, without the caption


def keep(run_folder: Path, into: Path) -> None:
    """Keep a run's losses, as means of `THINNING` iterations, and its last picture, pixel for pixel."""
    run, name = Run.open(run_folder), run_folder.name
    losses = run.losses()
    columns = [moving_average(losses[column], THINNING)[::THINNING] for column in run.objective.header]
    np.savetxt(
        into / f"{name}.csv",
        np.transpose(columns),
        "%.5g",
        ",",
        header=",".join(run.objective.header),
        comments="",
    )
    with Image.open([*run.pictures().values()][-1]) as picture:
        images = picture.crop((0, 0, PICTURE, PICTURE))
    size = PICTURE // SCALE
    images.resize((size, size), Image.Resampling.NEAREST).save(into / f"{name}.png", optimize=True)


def main() -> None:
    """Draw the rows."""
    drawn = figure(8, 2.1 * len(RUNS))
    rows = drawn.subplots(len(RUNS), 3, width_ratios=(1.5, 1.5, 1))
    for (name, options), (losses, probabilities, picture) in zip(RUNS.items(), rows, strict=True):
        kept = np.genfromtxt(KEPT / f"{name}.csv", delimiter=",", names=True)
        draw_curves(losses, kept, {"d_loss": BLUE, "g_loss": ORANGE})
        draw_curves(probabilities, kept, {"d_real": BLUE, "d_fake": ORANGE})
        losses.axhline(2 * log(2), color=BLUE, linestyle=":")
        losses.axhline(log(2), color=ORANGE, linestyle=":")
        probabilities.axhline(1 / 2, color=GREY, linestyle=":")
        probabilities.set_ylim(-0.03, 1.03)
        losses.set_title(options, loc="left", family="monospace", fontsize=10)
        with Image.open(KEPT / f"{name}.png") as file:
            images = np.asarray(file)
        picture.imshow(images, cmap="gray", interpolation="none")
        picture.set_title(f"{mean_distance(images):.1f}", loc="right", fontsize=10)
        picture.set_axis_off()
    above = {
        "loc": "lower right",
        "bbox_to_anchor": (1, 1),
        "ncols": 2,
        "borderpad": 0,
        "columnspacing": 1,
        "handlelength": 1,
        "fontsize": 9,
    }
    rows[0][0].legend(["d_loss", "g_loss"], **above)
    rows[0][1].legend(["D(x)", "D(G(z))"], **above)
    save(drawn, "failures")


def draw_curves(axes: Axes, kept: np.ndarray, colours: dict[str, str]) -> None:
    """Draw some columns of `losses.csv`."""
    for column, colour in colours.items():
        axes.plot(kept["iteration"], kept[column], color=colour, linewidth=1.2)


def mean_distance(grid: np.ndarray) -> float:
    """The mean distance between two of the 4 x 4 images in a picture, pixels in [0, 1]."""
    cell = IMAGE_SIZE + GAP
    images = [
        grid[top : top + IMAGE_SIZE, left : left + IMAGE_SIZE] / 255
        for top in range(GAP, 4 * cell, cell)
        for left in range(GAP, 4 * cell, cell)
    ]
    return float(np.mean([np.linalg.norm(a - b) for a, b in combinations(images, 2)]))


if __name__ == "__main__":
    for run_folder in sys.argv[1:]:
        keep(Path(run_folder), KEPT)
    main()
