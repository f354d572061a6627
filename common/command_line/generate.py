"""`generate`: images from a run's generator."""

import os
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from common.command_line.framework import Framework, load
from common.data.mnist import PIXELS
from common.errors import UsageError, listed, printable
from common.feed import Purpose, draw_noise, interpolate_noise, with_labels
from common.machine.files import replacing, user_path
from common.runs import grid
from common.runs.run import Run, newest_run, runs_in

STRIP_COLUMNS = 16  # images in one row of an interpolation
ROWS = 8  # of images, where nobody says how many
AT_ONCE = 10_000  # images through the generator: 40 MB for its widest layer, 250 MB if it is convolutional


def generate(framework: Framework, options: dict[str, Any]) -> int:
    """Write images from a run's generator; return the exit status."""
    out, seed = options["out"], options["seed"]
    check_out(out, options["interpolate"])
    run = Run.open(options["run"] or newest_run(framework.engine.short_name))
    if not run.checkpoint_paths():
        others = [one for one in runs_in(run.folder.parent) if Run(one, record={}).checkpoint_paths()]
        hint = f", or name another with --run, such as {others[-1]}" if others else ""
        raise UsageError(f"The run in {run.folder} has no checkpoint yet; train it for longer{hint}.")
    state = run.newest_checkpoint()
    weights = state.generator(options["weights"])
    note = ", averaged generator" if options["weights"] == "averaged" else ""
    labels = labels_asked_for(run, options["digit"], options.get("count"), options["interpolate"])
    count, of_one_class = len(labels), options["digit"] not in ("all", None)
    if options["interpolate"]:
        noise = interpolate_noise(seed, count, run.config.noise_dim)
    else:
        noise = draw_noise(seed, Purpose.GENERATED_NOISE, count, run.config.noise_dim)
    noise = with_labels(noise, labels, run.config.classes)

    implementation = load(framework)
    device = implementation.select_device(options["device"])
    parts = [noise[start : start + AT_ONCE] for start in range(0, count, AT_ONCE)]
    images = np.concatenate([implementation.generate(run.config, weights, part, device) for part in parts])
    images = images[:, :PIXELS]  # without labels

    caption = run.caption(framework.engine.title, seed, state.iteration) + note
    if out.is_folder:
        grid.save_single_images(images, out.path)
    elif out.path.suffix.lower() == ".npy":
        with replacing(out.path) as temporary, temporary.open("wb") as file:
            np.save(file, images)
    elif out.path.suffix.lower() == ".gif":
        grid.save_film([grid.image_grid(image[np.newaxis], caption) for image in images], out.path)
    else:
        columns = None if of_one_class else run.config.classes or None
        if options["interpolate"]:
            columns = min(count, STRIP_COLUMNS)
        grid.save_picture(grid.image_grid(images, caption, columns), out.path)
    data = run.record["data"]["title"]
    of = f" of {printable(options['digit'])}" if of_one_class else ""
    print(f"Wrote {out.path}: {count} images{of} after {state.iteration:,} iterations on {data}{note}.")
    return 0


def labels_asked_for(run: Run, digit: str | None, count: int | None, interpolate: bool) -> np.ndarray:
    """The classes of the images, integers (count,): all the same, or one after the other.

    Args:
        count: without it so many that they fill whole rows.

    Raises:
        UsageError: there is no such class, or the run knows of none.
    """
    if not run.config.classes:
        if digit is not None:
            raise UsageError(
                f"The run in {run.folder} was trained without labels, so it cannot be asked for --digit "
                f"{printable(digit)}; leave that out, or train a new run with --conditional."
            )
        return np.zeros(count or ROWS**2, int)
    names = run.record["data"]["classes"]
    if digit in names:
        return np.full(count or ROWS**2, names.index(digit))
    if digit not in ("all", None):
        raise UsageError(f"--digit must be one of {listed(names)}, or all, not {digit!r}.")
    if interpolate:
        raise UsageError(
            f"--interpolate takes one class; name it with --digit, such as {printable(names[-1])}."
        )
    return np.arange(count or ROWS * len(names)) % len(names)


class Out(NamedTuple):
    """Where generated images go: one file, or a file each in a folder."""

    path: Path
    is_folder: bool

    @classmethod
    def typed(cls, text: str) -> Self:
        """What someone typed: a folder ends in a slash, or is there already."""
        path = user_path(text)
        return cls(path, text.endswith(("/", os.sep)) or path.is_dir())


def check_out(out: Out, interpolate: bool) -> None:
    """Raise `UsageError` unless images can go there."""
    path = out.path
    if out.is_folder and path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UsageError(f"--out {path} is not an empty folder; name another one.")
    formats = (".png", ".npy", ".gif") if interpolate else (".png", ".npy")
    if not out.is_folder and path.suffix.lower() not in formats:
        hint = "; a .gif takes --interpolate" if path.suffix.lower() == ".gif" else ""
        raise UsageError(
            f"--out must end in {', '.join(formats)}, or in / for a folder of single images, not "
            f"{path.name!r}{hint}."
        )
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}; create it, or name another place with --out.")
