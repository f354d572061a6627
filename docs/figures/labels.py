"""What a conditional generator draws: one noise with every label, walks between noises and between labels.

By the kept generator of step 2, labels: the averaged one of a run in PyTorch with seed 0.
"""

import numpy as np

from common.feed import Purpose, draw_noise, in_every_class, interpolate_noise, with_labels
from common.networks import networks
from common.results import RESULTS
from common.runs import grid
from common.runs.run import Run
from docs.figures.style import FOLDER

RUN = Run.open(RESULTS / "steps" / "cgan-pytorch-seed0")
NOISES, SEED, STEPS = 6, 1, 16
ALONG_NOISE = (7, 4)  # the label of each walk
ALONG_LABELS = ((3, 8), (4, 9), (0, 6))  # the first and the last


def main() -> None:
    """Draw both pictures, a row for each noise or walk."""
    _, generator = networks(RUN.config)
    arrays = RUN.newest_checkpoint().arrays
    noise = draw_noise(SEED, Purpose.GENERATED_NOISE, NOISES, RUN.config.noise_dim)
    columns = generator(arrays, in_every_class(noise, RUN.config.classes))
    walks = generator(arrays, np.concatenate(walking()))
    caption = "z(0) ... z(1), y = 7 | y = 4 | z(0), y = 3 ... 8 | 4 ... 9 | 0 ... 6"
    for name, images, words, count in (
        ("columns", columns, "y = 0 ... 9", RUN.config.classes),
        ("walks", walks, caption, STEPS),
    ):
        grid.save_picture(grid.image_grid(images, words, count), FOLDER / f"labels-{name}.png")


def walking() -> list[np.ndarray]:
    """Noises and labels of each walk, (16, noise_dim + classes): along noises, then along labels."""
    classes = RUN.config.classes
    walk = interpolate_noise(SEED, STEPS, RUN.config.noise_dim)
    ways = [with_labels(walk, np.full(STEPS, label), classes) for label in ALONG_NOISE]
    for first, last in ALONG_LABELS:
        share = np.linspace(0, 1, STEPS, dtype=np.float32)[:, np.newaxis]
        one_hot = np.eye(classes, dtype=np.float32)
        labels = (1 - share) * one_hot[first] + share * one_hot[last]
        ways.append(np.concatenate([np.repeat(walk[:1], STEPS, axis=0), labels], axis=1))
    return ways
