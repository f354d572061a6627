"""How good a run's images are: measured once, and kept in its folder.

    quality.json      the measures of `metrics.py`: "last", of the generator as it is after the last
                      checkpoint, and "averaged", of its moving average where that was kept
    neighbours.png    generated images beside the training images that are nearest to them

What real images and an untrained generator reach stands for scale in `scale.json`.
"""

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from common.data import mnist
from common.errors import GanError
from common.feed import Purpose, draw_noise, with_labels
from common.machine.files import replacing
from common.networks import networks
from common.quality import judge
from common.quality.metrics import (
    LABELLED_SAMPLES,
    SAMPLES,
    Quality,
    Reference,
    measure,
    nearest_training_images,
    neighbour_error,
)
from common.runs import grid
from common.runs.run import Run

FORMAT = 1
SCALE = Path(__file__).with_name("scale.json")
SHOWN, NEIGHBOURS = 8, 3  # images in neighbours.png, and nearest training images of each
LOT = 1_000  # images generated at a time: convolutions take 25 KB for each


def kept(run: Run) -> dict[str, Quality]:
    """The quality of the images of `run` if it was measured already: "last" and perhaps "averaged"."""
    current = header(run.record["sessions"][-1]["to_iteration"])
    try:
        record = json.loads((run.folder / "quality.json").read_text(encoding="utf-8"))
        return qualities(record) if current.items() <= record.items() else {}
    except (OSError, ValueError, TypeError, AttributeError):  # not measured, or damaged
        return {}


def header(iteration: int) -> dict[str, Any]:
    """The head of a record: measures hold for a run of this length, and as long as the judge is the same."""
    digest = hashlib.sha256(judge.FILE.read_bytes()).hexdigest()
    return {"format": FORMAT, "iteration": iteration, "judge_sha256": digest}


def measure_run(run: Run, reference: Reference) -> dict[str, Quality]:
    """Measure the images of `run` after its newest checkpoint, and keep what was found.

    Raises:
        GanError: it has no checkpoint, or a damaged one.
    """
    if not run.checkpoint_paths():
        raise GanError("it has no checkpoint yet; train it for longer.")
    state = run.newest_checkpoint()
    _, generator = networks(run.config)
    classes = run.config.classes
    labels = np.arange(LABELLED_SAMPLES if classes else SAMPLES) % max(1, classes)
    noise = draw_noise(0, Purpose.METRIC_NOISE, len(labels), run.config.noise_dim)
    lots = np.split(with_labels(noise, labels, classes), len(labels) // LOT)
    generators = {"last": state.arrays}
    if average := state.averaged():
        generators["averaged"] = average
    record = header(state.iteration)
    for weights, arrays in generators.items():
        samples = np.concatenate([generator(arrays, lot) for lot in lots])
        title, asked = f"{run.folder.name}, {weights}", labels[:SAMPLES] if classes else None
        quality = measure(samples[:SAMPLES], reference, title, asked)
        if classes:
            quality = replace(quality, neighbour_error=neighbour_error(samples, labels, reference))
        record[weights] = asdict(quality)
    save_neighbours(generator(state.arrays, lots[0][:SHOWN]), reference, run.folder / "neighbours.png")
    write(record, run.folder / "quality.json")
    return qualities(record)


def qualities(record: dict[str, Any]) -> dict[str, Quality]:
    """What a record in JSON says."""
    return {name: Quality(**values) for name, values in record.items() if isinstance(values, dict)}


def write(record: dict[str, Any], path: Path) -> None:
    """Write JSON."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def save_neighbours(samples: np.ndarray, reference: Reference, path: Path) -> None:
    """Draw each of `samples`, float (N, 784) in [-1, 1], and right of it its nearest training images."""
    indices, _ = nearest_training_images(samples, reference.train, NEIGHBOURS)
    nearest = mnist.normalise(reference.train[indices])  # (N, NEIGHBOURS, 784)
    images = np.concatenate([samples[:, np.newaxis], nearest], axis=1).reshape(-1, mnist.PIXELS)
    columns = 2 * (1 + NEIGHBOURS)
    caption = "first and fifth column: generated\nright of each: its nearest training images"
    grid.save_picture(grid.image_grid(images, caption, columns), path)


def scale() -> dict[str, Quality]:
    """What real images, and those of an untrained generator, reach in the same measures."""
    return qualities(json.loads(SCALE.read_text(encoding="utf-8")))
