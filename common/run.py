"""One training run on disk: configuration, losses, pictures, checkpoints, resume.

    run.json              configuration, data, and for each session versions, hardware and time
    losses.csv            iteration, d_loss, g_loss, d_real, d_fake: a row for every iteration
    samples/00000250.png  images from the same noises after so many iterations
    samples.gif           all of them as a film
    losses.png            the curves
    checkpoints/          the last two states, see `common/checkpoint.py`

A run folder is the only thing that leaves a framework.
"""

import json
import os
import re
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

import numpy as np

from common import checkpoint
from common.checkpoint import Checkpoint
from common.config import Config, option_name, settings
from common.errors import GanError, UsageError, reason
from common.files import replacing
from common.mnist import Images

FORMAT = 1
CHECKPOINT_NAME = re.compile(r"\d+\.safetensors")
PICTURE_NAME = re.compile(r"\d+\.png")
RUNS = Path("runs")
COLUMNS = ("iteration", "d_loss", "g_loss", "d_real", "d_fake")  # of losses.csv


class Run:
    """A run folder. `record` is the content of its run.json."""

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.folder = folder
        self.record = record

    @classmethod
    def create(cls, folder: Path, config: Config, images: Images) -> Self:
        """Begin a run in `folder`, which must be new or empty.

        Raises:
            UsageError: `folder` holds something already.
            GanError: it cannot be written.
        """
        data = {
            "name": images.name,
            "title": images.title,
            "images": len(images.pixels),
            "sha256": images.sha256,
        }
        record = {"format": FORMAT, "config": config.as_dict(), "data": data, "sessions": []}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise UsageError(
                    f"{folder} is not empty; choose another folder with --run, or add --resume to go "
                    "on with the run in it."
                )
            (folder / "samples").mkdir()
            (folder / "checkpoints").mkdir()
        except OSError as error:
            raise GanError(
                f"{folder} cannot be used for a run ({reason(error)}); choose another folder with --run."
            ) from None
        run = cls(folder, record)
        run.save_record()
        return run

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The run in `folder`.

        Raises:
            UsageError: there is none, or a newer version of this project wrote it.
        """
        path = folder / "run.json"
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if (version := record["format"]) == FORMAT:
                check_record(record)
        except OSError as error:
            raise UsageError(
                f"There is no run in {folder} ({path.name}: {reason(error)}); name another with --run."
            ) from None
        except (ValueError, LookupError, TypeError, UsageError):
            raise UsageError(f"{path} is damaged; name another run with --run.") from None
        if version != FORMAT:
            raise UsageError(
                f"{path} has format {version!r}, and this version reads {FORMAT}; update the repository."
            )
        return cls(folder, record)

    @property
    def config(self) -> Config:
        """The hyper-parameters."""
        return Config(**self.record["config"])

    def save_record(self) -> None:
        """Write run.json."""
        with replacing(self.folder / "run.json") as temporary:
            temporary.write_text(json.dumps(self.record, indent=2) + "\n", encoding="utf-8")

    def checkpoint_paths(self) -> list[Path]:
        """The checkpoints, oldest first; of most runs kept in docs/results there are none."""
        folder = self.folder / "checkpoints"
        files = folder.iterdir() if folder.exists() else ()
        return sorted(path for path in files if CHECKPOINT_NAME.fullmatch(path.name))

    def pictures(self) -> dict[int, Path]:
        """Iterations completed -> the picture made then, in their order."""
        folder = self.folder / "samples"
        files = folder.iterdir() if folder.exists() else ()
        return {int(path.stem): path for path in sorted(files) if PICTURE_NAME.fullmatch(path.name)}

    def newest_checkpoint(self) -> Checkpoint:
        """The newest state on disk, or the one before the first iteration if there was none yet.

        Raises:
            GanError: the newest checkpoint is damaged or of another run, or all are gone.
        """
        config = self.config
        if paths := self.checkpoint_paths():
            state = checkpoint.load(paths[-1])
            recorded = Config().as_dict() | state.config  # older versions had fewer settings
            differing = [
                option_name(name)
                for name, about in settings().items()
                if not about.may_change and recorded[name] != getattr(config, name)
            ]
            if differing or f"{state.iteration:08}" != paths[-1].stem:
                raise GanError(
                    f"{paths[-1]} is not of this run ({', '.join(differing) or 'its name'} differs); delete "
                    "it to go on from the one before."
                )
            return state
        if any(session["to_iteration"] > 0 for session in self.record["sessions"]):
            raise GanError(f"The checkpoints of the run in {self.folder} are gone; start a new run.")
        arrays = checkpoint.initial_arrays(config.seed, config.noise_dim)
        return Checkpoint(0, config.as_dict(), arrays)

    def losses(self) -> np.ndarray:
        """`losses.csv` as a structured array: int64 `iteration`, the other columns float64.

        Raises:
            GanError: it is damaged, or there are none yet.
        """
        path = self.folder / "losses.csv"
        kinds = [(name, np.int64 if name == "iteration" else np.float64) for name in COLUMNS]
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()[1:] if path.exists() else []
        if not (lines and self.record["sessions"]):
            raise GanError(f"The run in {self.folder} has no losses yet; train it for longer.")
        try:
            return np.loadtxt(lines, dtype=kinds, delimiter=",", ndmin=1)
        except ValueError as error:
            raise GanError(f"{path} is damaged ({error}); start a new run.") from None

    def caption(self, title: str, seed: int, iteration: int) -> str:
        """What stands below a picture: framework, data, the seed of its noises, the training behind it."""
        return f"{title} · {self.record['data']['title']}\nseed {seed} · {iteration:,} iterations"


def check_record(record: dict[str, Any]) -> None:
    """Raise some exception unless `record` has what the record of a run must have."""
    Config(**record["config"])
    str.lower(record["data"]["title"] + record["data"]["sha256"])
    for session in record["sessions"]:
        str.lower(session["framework"])
        dict.items(session["environment"])
        sum(session[number] for number in ("from_iteration", "to_iteration", "seconds"))


def make_new_folder(framework: str) -> Path:
    """Make `runs/<framework>/<time>`.

    Raises:
        GanError: it cannot be made.
    """
    parent, name = RUNS / framework, time.strftime("%Y-%m-%d_%H-%M-%S")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for taken in count(1):
            folder = parent / (name if taken == 1 else f"{name}_{taken}")
            with suppress(FileExistsError):
                folder.mkdir()
                break
    except OSError as error:
        raise GanError(
            f"{parent} cannot hold new runs ({reason(error)}); check where {RUNS} leads."
        ) from None
    return folder


def point_latest_at(folder: Path) -> None:
    """Make `latest`, beside `folder`, a link to it."""
    link = folder.with_name(f".{os.getpid()}-latest")
    try:
        link.symlink_to(folder.name, target_is_directory=True)
        link.replace(folder.with_name("latest"))
    except OSError:  # Windows allows links to administrators only; the run does without
        link.unlink(missing_ok=True)
