"""What a conditional generator draws: one noise with every label, walks between noises and between labels.

Drawn from the images in `labels/`, which `python -m docs.figures.labels RUN` first makes anew with the
averaged generator of a run, made on MNIST by

    python -m tensorflow_gan train --dataset mnist --recipe cgan --seed 1 --steps 8000
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from common.data.mnist import IMAGE_SIZE, PIXELS, normalise
from common.feed import Purpose, draw_noise, in_every_class, interpolate_noise, with_labels
from common.networks import networks
from common.runs import grid
from common.runs.run import Run
from docs.figures.style import FOLDER

KEPT = FOLDER / "labels"
NOISES, SEED, STEPS = 6, 1, 16
ALONG_NOISE = (7, 4)  # the label of each walk
ALONG_LABELS = ((3, 8), (4, 9), (0, 6))  # the first and the last
COLUMNS = {"columns": 10, "walks": STEPS}


def keep(run: Run) -> None:
    """Make both sets of images, each as one picture, pixel for pixel."""
    classes, noise_dim = run.config.classes, run.config.noise_dim
    walk = interpolate_noise(SEED, STEPS, noise_dim)
    ways = [with_labels(walk, np.full(STEPS, label), classes) for label in ALONG_NOISE]
    for first, last in ALONG_LABELS:
        share = np.linspace(0, 1, STEPS, dtype=np.float32)[:, np.newaxis]
        one_hot = np.eye(classes, dtype=np.float32)
        labels = (1 - share) * one_hot[first] + share * one_hot[last]
        ways.append(np.concatenate([np.repeat(walk[:1], STEPS, axis=0), labels], axis=1))
    noises = {
        "columns": in_every_class(draw_noise(SEED, Purpose.GENERATED_NOISE, NOISES, noise_dim), classes),
        "walks": np.concatenate(ways),
    }
    _, generator = networks(run.config)
    weights = run.newest_checkpoint().averaged()
    for name, noise in noises.items():
        images = grid.to_uint8(generator(weights, noise)[:, :PIXELS])
        Image.fromarray(images.reshape(-1, IMAGE_SIZE)).save(KEPT / f"{name}.png", optimize=True)


def main() -> None:
    """Lay them out, a row for each noise or walk."""
    walks = "z(0) ... z(1), y = 7 | y = 4 | z(0), y = 3 ... 8 | 4 ... 9 | 0 ... 6"
    captions = {"columns": "y = 0 ... 9", "walks": walks}
    for name, caption in captions.items():
        with Image.open(KEPT / f"{name}.png") as file:
            images = normalise(np.asarray(file).reshape(-1, PIXELS))
        picture = grid.image_grid(images, caption, COLUMNS[name])
        grid.save_picture(picture, FOLDER / f"labels-{name}.png")


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        keep(Run.open(Path(folder)))
    main()
