"""What a training leaves behind while it goes on: the writing half of `common/runs/run.py`."""

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from types import FrameType
from typing import IO, Any, Self

import filelock
import numpy as np
from tqdm import tqdm

from common.checkpoint import Arrays, Checkpoint
from common.data.mnist import PIXELS
from common.errors import GanError, UsageError
from common.feed import Purpose, draw_noise, in_every_class
from common.machine.files import locked, remove_partial
from common.machine.hardware import peak_memory
from common.runs.curves import save_loss_chart
from common.runs.grid import image_grid, read_pictures, save_film, save_picture
from common.runs.run import Run

CHECKPOINTS_KEPT = 2
SAMPLE_ROWS = 4  # of images in one picture; 4 x 4, or 4 of each class
SECONDS_BETWEEN_LINES = 10  # of progress, where no terminal can redraw one
STOP_SIGNALS = (  # as far as the system has them
    "SIGINT",  # Ctrl-C
    "SIGTERM",
    "SIGHUP",  # a closed terminal
    "SIGBREAK",  # Ctrl-Break on Windows
    "SIGXCPU",  # what schedulers send some time before they kill: this
    "SIGUSR1",
    "SIGUSR2",
)


class Recorder:
    """Records a session of `run`: use it in a `with` statement.

    It shows the progress, keeps losses, pictures and checkpoints, and turns Ctrl-C and the other
    `STOP_SIGNALS` into a checkpoint and an early end of `iterations`. Whatever ends it, it leaves film and
    chart; of a new run that never came to its first iteration it leaves nothing.

    Args:
        run: the run that begins or goes on.
        title: the framework's name, for captions.
        environment: versions and hardware, for the record.

    Raises:
        UsageError: another process is training this run, or it has reached its last iteration.
        GanError: checkpoint or `losses.csv` is damaged, or they do not go together.
    """

    def __init__(self, run: Run, title: str, environment: dict[str, Any]) -> None:
        self.run = run
        self.title = title
        self.config = run.config
        self.environment = environment
        self.sample_columns = self.config.classes or SAMPLE_ROWS
        seed, noise_dim = self.config.seed, self.config.noise_dim
        count = SAMPLE_ROWS if self.config.classes else SAMPLE_ROWS * self.sample_columns
        noise = draw_noise(seed, Purpose.SAMPLE_NOISE, count, noise_dim)
        self.sample_noise = in_every_class(noise, self.config.classes)
        self.signal_received: signal.Signals | None = None
        self.has_losses = False  # of this session

    def __enter__(self) -> Self:
        with ExitStack() as resources:
            resources.enter_context(alone_with(self.run))
            # What is on disk counts from here on, where no other process changes it.
            remove_partial(self.run.folder)
            (self.run.folder / "samples").mkdir(exist_ok=True)
            sessions = self.run.record["sessions"] = Run.open(self.run.folder).record["sessions"]
            self.start = self.run.checkpoint_to_resume()
            self.saved_iteration = self.start.iteration
            if self.start.iteration >= self.config.steps:
                raise UsageError(
                    f"The run in {self.run.folder} has done {self.start.iteration} iterations already; add "
                    "--steps with a larger number to train it longer."
                )
            self.session: dict[str, Any] = {
                "framework": self.title,
                "environment": self.environment,
                "started": None,
                "from_iteration": self.start.iteration,
                "to_iteration": self.start.iteration,
                "seconds": 0.0,
                "first_iteration_seconds": 0.0,  # in which frameworks compile
                "peak_memory_mib": None,
            }
            sessions.append(self.session)
            self.losses_file = resources.enter_context(self._open_losses())
            for name in STOP_SIGNALS:
                number = getattr(signal, name, None)
                as_nohup_wants = name == "SIGHUP" and number and signal.getsignal(number) == signal.SIG_IGN
                if number and not as_nohup_wants:
                    resources.callback(signal.signal, number, signal.signal(number, self._on_signal))
            self.resources = resources.pop_all()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        with self.resources:
            if self.has_losses:
                self.bar.close()
                self.losses_file.flush()
                self._make_film_and_chart(ended_by=error)
        is_new = self.start.iteration == 0 and self.run.record["sessions"] == [self.session]
        if is_new and not self.has_losses:
            self.run.discard()

    def _make_film_and_chart(self, ended_by: BaseException | None) -> None:
        try:
            make_film_and_chart(self.run)
        except BaseException:
            if ended_by is None:
                print("Notice: The training is saved; --resume makes film and chart again.", file=sys.stderr)
                raise
            # Else the first error is the one to be told.

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signal_received = signal.Signals(number)
        # A second Ctrl-C does not wait. Terminals that close, and schedulers, send theirs more than once.
        signal.signal(number, signal.SIG_DFL if number == signal.SIGINT else signal.SIG_IGN)
        with suppress(OSError):  # who read it may be gone: in `| tee`, Ctrl-C ends tee first
            # Not `print`, which must not be called while it is at work already.
            os.write(2, b"\nStopping after this iteration; the state will be saved.\n")

    def _open_losses(self) -> IO[str]:
        """`losses.csv`, cut back to the iterations that the checkpoint has seen, open for more."""
        path = self.run.folder / "losses.csv"
        done = self.start.iteration
        if done == 0:
            path.write_text(",".join(self.run.objective.header) + "\n", encoding="ascii")
        elif not path.exists():
            raise GanError(f"{path} is gone, which the run needs to go on; start a new run.")
        else:
            seen = self.run.losses(done)["iteration"]
            if not np.array_equal(seen, np.arange(done)):
                raise GanError(
                    f"{path} ends after {len(seen)} iterations where the checkpoint has seen {done}, or is "
                    "out of order; start a new run."
                )
        file = path.open("r+", encoding="ascii", errors="replace")
        for _ in range(1 + done):
            file.readline()
        file.seek(file.tell())
        file.truncate()
        return file

    def follow(
        self, make_images: Callable[[np.ndarray], np.ndarray], make_arrays: Callable[[], Arrays]
    ) -> None:
        """Say how to come by what is to be kept; a new run keeps the images of its beginning at once.

        Args:
            make_images: noise (N, noise_dim) -> the generator's images, float (N, 784) in [-1, 1]; either
                with its labels behind it where there are any.
            make_arrays: the state, in the exchange format.
        """
        self.make_images, self.make_arrays = make_images, make_arrays
        if self.start.iteration == 0:
            self._save_picture(0)

    def iterations(self) -> Iterator[int]:
        """The iterations still to do, each shown in the progress bar, until the end or a signal."""
        self.session["started"] = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.run.save_record()
        self.started = time.perf_counter()
        watched = sys.stderr.isatty()
        with tqdm(
            range(self.start.iteration, self.config.steps),
            desc=self.title,
            unit="it",
            initial=self.start.iteration,
            total=self.config.steps,
            dynamic_ncols=watched,
            mininterval=0.1 if watched else SECONDS_BETWEEN_LINES,
        ) as self.bar:
            self.resources.callback(self.bar.close)  # before whatever an error says
            for iteration in self.bar:
                yield iteration
                if iteration == self.start.iteration:
                    first = time.perf_counter() - self.started
                    self.session["first_iteration_seconds"] = round(first, 3)
                if self.saved_iteration == iteration + 1 and self.signal_received:
                    return

    def record(self, iteration: int, measured: Mapping[str, float]) -> None:
        """Keep what an iteration measured, and as far as they are due afterwards picture and checkpoint.

        Args:
            measured: a value for every column of the run's objective.

        Raises:
            GanError: a loss or a weight is NaN or infinite, or a file cannot be written.
        """
        objective = self.run.objective
        losses = {column.title: measured[column.name] for column in objective.losses.columns}
        if not all(map(math.isfinite, losses.values())):
            raise self._diverged(iteration)
        values = ",".join(f"{measured[name]:.9g}" for name in objective.header[1:])
        self.losses_file.write(f"{iteration},{values}\n")
        self.has_losses = True
        shown = ", ".join(f"{title} {loss:.3f}" for title, loss in losses.items())
        self.bar.set_postfix_str(shown, refresh=False)
        done = iteration + 1
        is_last = done == self.config.steps
        if done % self.config.sample_every == 0 or is_last:
            self._save_picture(done)
        if done % self.config.checkpoint_every == 0 or is_last or self.signal_received:
            self._save_checkpoint(done)

    def _diverged(self, iteration: int) -> GanError:
        chart = self.run.folder / "losses.png"
        seen = f"; {chart} shows how it came to that" if self.has_losses else ""
        return GanError(
            f"The training diverged: a loss or a weight became NaN or infinite at iteration {iteration}. "
            f"The state after {self.saved_iteration} iterations is kept{seen}; try a smaller --lr."
        )

    def _save_picture(self, done: int) -> None:
        """Keep what the generator makes of `sample_noise` after `done` iterations."""
        caption = self.run.caption(self.title, self.config.seed, done)
        images = self.make_images(self.sample_noise)[:, :PIXELS]  # without labels
        picture = image_grid(images, caption, self.sample_columns)
        save_picture(picture, self.run.folder / "samples" / f"{done:08}.png")
        self.losses_file.flush()  # so that others can follow

    def _save_checkpoint(self, done: int) -> None:
        """Keep the state, after the losses that led to it; of older states keep one."""
        arrays = self.make_arrays()
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise self._diverged(done - 1)
        self.losses_file.flush()
        os.fsync(self.losses_file.fileno())
        path = self.run.folder / "checkpoints" / f"{done:08}.safetensors"
        Checkpoint(done, self.config.as_dict(), arrays).save(path)
        self.saved_iteration = done
        for old in self.run.checkpoint_paths()[:-CHECKPOINTS_KEPT]:
            old.unlink()
        self.session["to_iteration"] = done
        self.session["seconds"] = round(time.perf_counter() - self.started, 3)
        self.session["peak_memory_mib"] = peak_memory()
        self.run.save_record()


@contextmanager
def alone_with(run: Run) -> Iterator[None]:
    """Let no other process write into the folder of `run`.

    Raises:
        UsageError: one does.
    """
    with ExitStack() as held:
        try:
            held.enter_context(locked(run.folder))
        except filelock.Timeout:
            raise UsageError(
                f"Another process is training the run in {run.folder}; wait for its end or choose another "
                "folder with --run."
            ) from None
        yield


def make_film_and_chart(run: Run) -> None:
    """Make the film and the chart of all that was recorded so far.

    Raises:
        GanError: nothing was recorded yet, or what was is damaged, or they cannot be written.
    """
    pictures = read_pictures([*run.pictures().values()])
    if pictures:
        save_film(pictures, run.folder / "samples.gif")
    data, seed = run.record["data"]["title"], run.config.seed
    title = f"{run.framework} · {data} · seed {seed}"
    save_loss_chart(run.losses(), run.objective, title, run.folder / "losses.png")
