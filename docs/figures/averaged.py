"""Images from the same noises by the generator of the full schedule, and by its moving average."""

import numpy as np

from common.feed import Purpose, draw_noise
from common.networks import networks
from common.runs import grid
from docs.figures.style import FOLDER
from docs.figures.walk import RUN

COUNT, COLUMNS = 32, 8


def main() -> None:
    """Draw the generator's at the left, the average's at the right, a black column between them."""
    state = RUN.newest_checkpoint()
    noise = draw_noise(0, Purpose.GENERATED_NOISE, COUNT, noise_dim=100)
    _, generator = networks(RUN.config)
    both = state.arrays, state.averaged()
    blocks = [generator(arrays, noise).reshape(-1, COLUMNS, 784) for arrays in both]
    gap = np.full_like(blocks[0][:, :1], -1)
    images = np.concatenate([blocks[0], gap, blocks[1]], axis=1)
    picture = grid.image_grid(images.reshape(-1, 784), "w | average of w", columns=2 * COLUMNS + 1)
    grid.save_picture(picture, FOLDER / "averaged.png")
