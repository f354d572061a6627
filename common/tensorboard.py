"""`python -m common.tensorboard`: look at runs in TensorBoard, also while they go on.

What TensorBoard reads is made from the run folders into a temporary folder: a run needs nothing for it.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from PIL import Image

from common.command_line.program import Parser, add_setting, carry_out
from common.machine.files import user_path
from common.machine.ports import PORT, check_free
from common.machine.streams import notice_once
from common.runs.run import RUNS, Run

ROWS_BETWEEN_POINTS = 10  # of losses.csv
SECONDS_BETWEEN_LOOKS = 5


def leave_out(path: Path | str) -> None:
    """Say that something is not shown."""
    notice_once(f"{path} is missing or cannot be read, and is left out.")


class Follower:
    """Copies what a run has recorded since the last look into `logs`."""

    def __init__(self, run: Path, logs: Path) -> None:
        self.run = run
        self.logs = logs
        self.start()

    def start(self) -> None:
        """Forget what was copied: the next look copies everything, in its place."""
        from tensorboardX import SummaryWriter  # here, as it imports PyTorch where that is installed

        self.writer = SummaryWriter(str(self.logs), purge_step=0)
        self.lines = 0
        self.pictures: set[Path] = set()

    def catch_up(self) -> None:
        """Copy what is new; what cannot be read is left out."""
        path = self.run / "losses.csv"
        try:
            text = path.read_text(encoding="ascii", errors="replace") if path.exists() else ""
            pictures = Run(self.run, record={}).pictures()
        except OSError as error:
            leave_out(error.filename or path)
            return
        whole = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
        if len(whole) < self.lines:  # a resumed run goes back to its checkpoint
            self.writer.close()
            self.start()
        for row in range(max(self.lines, 1), len(whole)):
            if row % ROWS_BETWEEN_POINTS == 1:
                try:
                    iteration, *values = whole[row].split(",")
                    _, *columns = whole[0].strip().split(",")
                    point = list(zip(columns, map(float, values), strict=True))  # all of it or nothing
                    for column, value in point:
                        self.writer.add_scalar(column, value, int(iteration))
                except ValueError:
                    notice_once(f"{path} has damaged rows, which are left out.")
        self.lines = len(whole)
        for step, picture in pictures.items():
            if picture not in self.pictures:
                try:
                    with Image.open(picture) as image:
                        pixels = np.asarray(image.convert("L"))
                    self.writer.add_image("samples", pixels, step, dataformats="HW")
                except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # of Pillow
                    leave_out(picture)  # until it can be read
                else:
                    self.pictures.add(picture)
        self.writer.flush()


class Watch:
    """Follows every run below the folder `runs` into a folder of its name below `logs`."""

    def __init__(self, runs: Path, logs: Path) -> None:
        self.runs = runs
        self.logs = logs
        self.followers: dict[Path, Follower] = {}

    def look(self) -> None:
        """Copy what is new, also of runs that are new, and forget runs that are gone."""
        folders = os.walk(self.runs, onerror=lambda error: leave_out(error.filename))
        found = [Path(folder) for folder, _, files in folders if "run.json" in files]
        for run in self.followers.keys() - found:
            leave_out(run)
            follower = self.followers.pop(run)
            follower.writer.close()
            shutil.rmtree(follower.logs, ignore_errors=True)  # TensorBoard forgets them too
        for run in found:
            if run not in self.followers:
                self.followers[run] = Follower(run, self.logs / run.relative_to(self.runs))
            self.followers[run].catch_up()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Carry out the command line and exit."""
    carry_out(lambda: show(arguments))


def show(arguments: Sequence[str] | None) -> int:
    """Start TensorBoard and feed it until it is stopped; return the exit status."""
    parser = Parser(prog="python -m common.tensorboard", description=__doc__, allow_abbrev=False)
    parser.add_argument("--runs", metavar="DIR", type=user_path, default=RUNS, help="(default: %(default)s)")
    add_setting(parser, "--port", PORT, 6006)
    options = parser.parse_args(arguments)
    check_free(options.port, 'make tensorboard ARGS="--port {}"')
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server must not outlive this process
    with tempfile.TemporaryDirectory() as logs:
        watch = Watch(options.runs, Path(logs))
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", logs, "--port", str(options.port)]
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server leaves Ctrl-C to this process
        server = subprocess.Popen(command)
        signal.signal(signal.SIGINT, interrupt)
        try:
            while server.poll() is None:
                watch.look()
                time.sleep(SECONDS_BETWEEN_LOOKS)
        except KeyboardInterrupt:
            pass
        finally:
            server.terminate()
            status = server.wait()
    return max(status, 0)


if __name__ == "__main__":
    main()
