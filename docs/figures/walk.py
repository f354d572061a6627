"""A walk from one noise to another, drawn by the generator of the full schedule and by its moving average."""

import numpy as np

from common.feed import interpolate_noise
from common.networks import networks
from common.results import RESULTS
from common.runs import grid
from common.runs.run import Run
from docs.figures.style import FOLDER

RUN = Run.open(RESULTS / "full-schedule" / "pytorch-seed2")
SEED, COUNT = 1, 16


def main() -> None:
    """Draw two rows: the generator, and below it the average."""
    state = RUN.newest_checkpoint()
    noise = interpolate_noise(SEED, COUNT, noise_dim=100)
    _, generator = networks(RUN.config)
    images = np.concatenate([generator(state.arrays, noise), generator(state.averaged(), noise)])
    grid.save_picture(grid.image_grid(images, "z(0) ... z(1)", columns=COUNT), FOLDER / "walk.png")
