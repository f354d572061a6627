"""Images from the same noises by the kept generator of each later step, two rows for each."""

import numpy as np

from common.feed import Purpose, draw_noise, with_labels
from common.networks import networks
from common.results import RESULTS, SCOREBOARD
from common.runs import grid
from common.runs.run import Run
from docs.figures.style import FOLDER

COUNT, COLUMNS = 20, 10


def main() -> None:
    """Draw the steps in the order of the scoreboard; those that know labels draw 0 to 9."""
    noise = draw_noise(0, Purpose.GENERATED_NOISE, COUNT, noise_dim=100)
    images, steps = [], []
    for step, pattern in SCOREBOARD.items():
        for run in map(Run.open, sorted(RESULTS.glob(pattern))):
            if run.checkpoint_paths():
                _, generator = networks(run.config)
                labelled = with_labels(noise, np.arange(COUNT) % COLUMNS, run.config.classes)
                images.append(generator(run.newest_checkpoint().arrays, labelled))
                steps.append(step)
    picture = grid.image_grid(np.concatenate(images), " | ".join(steps), COLUMNS)
    grid.save_picture(picture, FOLDER / "steps.png")
