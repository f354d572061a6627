"""The range in which a healthy training stays, derived from several seeds.

`python -m tests.expected_range` trains in PyTorch with each of `SEEDS`, takes the mean of each column of
losses.csv over each of `WINDOWS`, and writes their mean and standard deviation over the seeds to
`expected_range.json`. It takes about 12 minutes on two cores.

A training with another seed, or on a machine that rounds otherwise, is one more draw from the same
distribution. For n seeds with mean m and standard deviation s, (new - m) / (s sqrt(1 + 1/n)) has Student's t
distribution with n - 1 degrees of freedom. For n = 8, a new mean leaves m ± `SPREAD` s = m ± 6 s once in a
thousand times, and one of the twelve means of a training once in a hundred.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from common.engines import ENGINES
from common.objectives import OBJECTIVES
from common.runs.run import Run

SEEDS = range(1, 9)
WINDOWS = {
    "digits": ((250, 500), (500, 750)),
    "mnist": ((500, 1_000), (1_000, 1_500), (1_500, 2_000)),
}
SPREAD = 6
FILE = Path(__file__).with_suffix(".json")


def window_means(framework: str, dataset: str, seed: int) -> dict[str, float]:
    """Train in one of `ENGINES`; the mean of each column over each window, as `d_loss 500-1000`."""
    engine = ENGINES[framework]
    steps = WINDOWS[dataset][-1][1]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = f"-m {engine.package} train --steps {steps} --seed {seed} --dataset {dataset} --device cpu"
        subprocess.run(
            [sys.executable, *command.split(), "--run", str(run)],
            env=os.environ | {"KERAS_BACKEND": engine.keras_backend},
            check=True,
            stderr=subprocess.DEVNULL,
        )
        losses = Run.open(run).losses()
    return {
        f"{column} {first}-{last}": float(losses[column][first:last].mean())
        for column in OBJECTIVES["non-saturating"].header[1:]
        for first, last in WINDOWS[dataset]
    }


def allowed(dataset: str) -> dict[str, tuple[float, float]]:
    """Name of a window mean -> its lowest and highest value."""
    derived = json.loads(FILE.read_text())["ranges"][dataset]
    return {
        name: (about["mean"] - SPREAD * about["std"], about["mean"] + SPREAD * about["std"])
        for name, about in derived.items()
    }


def main() -> None:
    ranges = {}
    for dataset in WINDOWS:
        runs = [window_means("PyTorch", dataset, seed) for seed in SEEDS]
        values = {name: [run[name] for run in runs] for name in runs[0]}
        ranges[dataset] = {
            name: {"mean": round(np.mean(drawn), 4), "std": round(np.std(drawn, ddof=1), 4)}
            for name, drawn in values.items()
        }
    content = {"command": "python -m tests.expected_range", "seeds": list(SEEDS), "ranges": ranges}
    FILE.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
