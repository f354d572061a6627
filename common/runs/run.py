"""One training run on disk: configuration, losses, pictures, checkpoints, resume.

    run.json              configuration, data, and for each session versions, hardware and time
    losses.csv            what every iteration measured, a row each; see `common/objectives.py`
    samples/00000250.png  images from the same noises after so many iterations
    samples.gif           all of them as a film
    losses.png            the curves
    checkpoints/          the last two states, see `common/checkpoint.py`

A run folder is the only thing that leaves a framework.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

import numpy as np

from common import checkpoint
from common.checkpoint import Checkpoint
from common.config import Config, option_name, settings
from common.data.mnist import Images
from common.errors import GanError, UsageError, reason
from common.machine.files import replacing, user_path
from common.objectives import OBJECTIVES, Objective

FORMAT = 1
CHECKPOINT_NAME = re.compile(r"\d+\.safetensors")
PICTURE_NAME = re.compile(r"\d+\.png")
RUNS = Path("runs")
LATEST = "latest"  # the newest run beside it: a link where there can be links, and a name everywhere
FOLDER_NAME = re.compile(r"(\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d)(?:_(\d+))?")  # see `make_new_folder`


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
        data: dict[str, Any] = {
            "name": images.name,
            "title": images.title,
            "images": len(images.pixels),
            "sha256": images.sha256,
        }
        if images.classes:
            data["classes"] = images.classes
        if config.classes:
            data["labels_sha256"] = images.labels_sha256
        record = {"format": FORMAT, "config": config.as_dict(), "data": data, "sessions": []}
        run = cls(folder, record)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise UsageError(
                    f"{folder} is not empty; choose another folder with --run, or add --resume to go "
                    "on with the run in it."
                )
            try:
                (folder / "samples").mkdir()
                (folder / "checkpoints").mkdir()
                run.save_record()
            except BaseException:
                run.discard()
                raise
        except OSError as error:
            raise GanError(
                f"{folder} cannot be used for a run ({reason(error)}); choose another folder with --run."
            ) from None
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

    @property
    def objective(self) -> Objective:
        """What its networks minimise, and so what it reports."""
        return OBJECTIVES[self.config.loss]

    @property
    def framework(self) -> str:
        """The framework it was trained in, or one after the other those it was."""
        return " → ".join(dict.fromkeys(session["framework"] for session in self.record["sessions"]))

    @property
    def iterations_saved(self) -> int:
        """After how many iterations its newest checkpoint was made."""
        return max((int(path.stem) for path in self.checkpoint_paths()), default=0)

    @property
    def subject(self) -> str:
        """What its pictures show."""
        return "digits" if self.record["data"]["name"] in ("mnist", "digits") else "images"

    def changes(self, title: str, environment: dict[str, str]) -> list[str]:
        """What rounding may depend on and is not as in the last session, such as `cores 1 → 2`."""
        sessions = [one for one in self.record["sessions"] if one["to_iteration"] > one["from_iteration"]]
        if not sessions:
            return []
        alone = {"devices": "1"}  # which the record names where there are several
        before = alone | {"framework": sessions[-1]["framework"], **sessions[-1]["environment"]}
        now = alone | {"framework": title, **environment}
        return [
            f"{name} {before.get(name, 'unset')} → {now.get(name, 'unset')}"
            for name in {**before, **now}
            if before.get(name) != now.get(name)
            and name != "system"
            # Variables, and what sessions of one framework tell of it.
            and (name.isupper() or title == sessions[-1]["framework"] or name in before.keys() & now.keys())
        ]

    def discard(self) -> None:
        """Remove the folder of a training that never came to its first iteration."""
        for name in ("samples", "checkpoints"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        with suppress(OSError):
            for name in ("run.json", "losses.csv", ".lock"):
                (self.folder / name).unlink(missing_ok=True)
            self.folder.rmdir()
            latest = self.folder.with_name(LATEST)
            if latest.is_symlink() and latest.readlink().name == self.folder.name:
                latest.unlink()
                if newest := newest_in(self.folder.parent):
                    point_latest_at(newest)

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
        return Checkpoint(0, config.as_dict(), checkpoint.initial_arrays(config))

    def checkpoint_to_resume(self) -> Checkpoint:
        """`newest_checkpoint`, if a training can go on from it.

        Raises:
            UsageError: only networks are kept.
            GanError: see `newest_checkpoint`.
        """
        state = self.newest_checkpoint()
        if not state.can_be_resumed:
            raise UsageError(
                f"Of the run in {self.folder} only what generates images is kept; train a new run."
            )
        return state

    def losses(self, most: int | None = None) -> np.ndarray:
        """`losses.csv` as a structured array: int64 `iteration`, the other columns float64.

        Args:
            most: read only the first so many rows; without it all that are whole.

        Raises:
            GanError: it is damaged, or there are none yet.
        """
        path = self.folder / "losses.csv"
        kinds = [(name, np.int64 if name == "iteration" else np.float64) for name in self.objective.header]
        try:
            text = path.read_text(encoding="ascii", errors="replace") if path.exists() else ""
        except OSError as error:
            raise GanError(f"{path} cannot be read ({reason(error)}); check its permissions.") from None
        whole = text[: text.rfind("\n") + 1]  # a process that was killed may leave half a row
        lines = whole.splitlines()[1:][:most]
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
    config, data = Config(**record["config"]), record["data"]
    str.lower(data["name"] + data["title"] + data["sha256"])
    if config.classes and config.classes != len([*map(str.lower, list.copy(data["classes"]))]):
        raise ValueError("the networks know as many classes as the data has")
    for session in record["sessions"]:
        str.lower(session["framework"])
        dict.items(session["environment"])
        sum(session[number] for number in ("from_iteration", "to_iteration", "seconds"))
        float(session.get("first_iteration_seconds", 0))


def iterations_per_second(sessions: Sequence[Mapping[str, Any]]) -> float:
    """How fast these sessions of a run were.

    Without the first iteration of each, in which frameworks compile, where the record tells it apart.
    """
    iterations, seconds = 0, 0.0
    for session in sessions:
        done = session["to_iteration"] - session["from_iteration"]
        first = session.get("first_iteration_seconds", 0.0) if done > 1 else 0.0
        iterations += done - (first > 0)
        seconds += session["seconds"] - first
    return iterations / max(seconds, 1e-3)


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


def runs_in(parent: Path) -> list[Path]:
    """The runs in `parent` whose folders `make_new_folder` made, oldest first; where there is none, `latest`.

    Their names say which is which: times of files, and links, do not survive copying.
    """
    named = {folder: FOLDER_NAME.fullmatch(folder.name) for folder in parent.glob("*")}
    runs = [(name[1], int(name[2] or 1), folder) for folder, name in named.items() if name and is_run(folder)]
    return [folder for _, _, folder in sorted(runs)] or [*filter(is_run, [parent / LATEST])]


def newest_in(parent: Path) -> Path | None:
    """The last of `runs_in`."""
    return next(reversed(runs_in(parent)), None)


def is_run(folder: Path) -> bool:
    """Whether `folder` holds a run, of whatever version, that may be seen."""
    return os.path.isfile(folder / "run.json")  # noqa: PTH113  pathlib's raises in folders of other users


def newest_run(framework: str) -> Path:
    """The newest run in `runs/<framework>`.

    Raises:
        UsageError: there is none; where another framework has one, that is named.
    """
    if newest := newest_in(RUNS / framework):
        return newest
    others = [run for parent in RUNS.glob("*") if (run := newest_in(parent))]
    elsewhere = f", the newest elsewhere is {max(others, key=lambda run: run.name)}" if others else ""
    raise UsageError(
        f"There is no run in {RUNS / framework} yet{elsewhere}; name a run with --run, or train one with "
        f"`make train-{framework}`."
    )


def point_latest_at(folder: Path) -> None:
    """Make `latest`, beside `folder`, a link to it."""
    link = folder.with_name(f".{os.getpid()}-{LATEST}")
    try:
        link.symlink_to(folder.name, target_is_directory=True)
        link.replace(folder.with_name(LATEST))
    except OSError:  # Windows allows links to administrators only; nothing here needs one
        link.unlink(missing_ok=True)


def run_path(text: str) -> Path:
    """The folder of a run that someone typed; `latest` is the newest beside it, whatever a link says.

    Raises:
        UsageError: see `user_path`.
    """
    path = Path(text)
    newest = newest_in(user_path(str(path.parent))) if path.name == LATEST else None
    return newest or user_path(text)
