"""`python -m common.tensorboard`: look at runs in TensorBoard, also while they go on.

What TensorBoard reads is made from the run folders into a temporary folder: a run needs nothing for it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from common.run import COLUMNS, RUNS

ROWS_BETWEEN_POINTS = 10  # of losses.csv
SECONDS_BETWEEN_LOOKS = 5


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
        """Copy what is new."""
        path = self.run / "losses.csv"
        lines = path.read_text(encoding="ascii").splitlines(keepends=True) if path.exists() else []
        whole = [line for line in lines if line.endswith("\n")]
        if len(whole) < self.lines:  # a resumed run goes back to its checkpoint
            self.writer.close()
            self.start()
        for row in range(max(self.lines, 1), len(whole)):
            if row % ROWS_BETWEEN_POINTS == 1:
                iteration, *values = whole[row].split(",")
                for column, value in zip(COLUMNS[1:], values, strict=True):
                    self.writer.add_scalar(column, float(value), int(iteration))
        self.lines = len(whole)
        for picture in sorted((self.run / "samples").glob("*.png")):
            if picture.stem.isdigit() and picture not in self.pictures:
                self.pictures.add(picture)
                with Image.open(picture) as image:
                    pixels = np.asarray(image)
                self.writer.add_image("samples", pixels, int(picture.stem), dataformats="HW")
        self.writer.flush()


def main() -> None:
    """Start TensorBoard and feed it until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m common.tensorboard", description=__doc__)
    parser.add_argument("--runs", metavar="DIR", type=Path, default=RUNS, help="(default: %(default)s)")
    parser.add_argument("--port", metavar="N", default="6006", help="(default: %(default)s)")
    options = parser.parse_args()
    followers: dict[Path, Follower] = {}
    with tempfile.TemporaryDirectory() as logs:
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", logs, "--port", options.port]
        server = subprocess.Popen(command)
        try:
            while server.poll() is None:
                for record in options.runs.glob("**/run.json"):
                    run = record.parent
                    if run not in followers:
                        followers[run] = Follower(run, Path(logs) / run.relative_to(options.runs))
                    followers[run].catch_up()
                time.sleep(SECONDS_BETWEEN_LOOKS)
        except KeyboardInterrupt:
            pass
        finally:
            server.terminate()
            status = server.wait()
    sys.exit(max(status, 0))


if __name__ == "__main__":
    main()
