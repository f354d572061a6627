"""What users start, timed from outside: a training's first iteration, long ones, `generate`, `compare`."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from tqdm import tqdm

from common import checkpoint
from common.data.mnist import REPOSITORY
from common.engines import ENGINES, Engine
from common.runs.run import Run

IMAGES = (1, 100, 100_000)
RUNS = (1, 10, 100)
LENGTHS = (1_000, 100_000)  # iterations
ON_CPU = ("--device", "cpu")


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    seconds: float
    peak_memory_mib: int


def call(*arguments: str, engine: Engine | None = None, folder: Path | None = None) -> Cost:
    """Run `python <arguments>` in `folder`.

    Raises:
        RuntimeError: it failed.
    """
    with tempfile.TemporaryFile("w+") as output:
        began = time.perf_counter()
        command = [sys.executable, *arguments]
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, env=environment(engine))
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"python {' '.join(arguments)} failed: {output.read()[-2000:]}")
    return Cost(round(seconds, 1), usage.ru_maxrss // 1024)


def environment(engine: Engine | None) -> dict[str, str]:
    """The variables for a process of ours."""
    backend = engine.keras_backend if engine else ""
    return os.environ | {"PYTHONPATH": str(REPOSITORY), "KERAS_BACKEND": backend}


def train(engine: Engine, folder: Path, *options: str) -> Cost:
    """Train a run into `folder`."""
    return call("-m", engine.package, "train", "--run", str(folder), *ON_CPU, *options, engine=engine)


def of_every_engine(title: str, measured: Callable[[Engine, Path], Any]) -> dict[str, Any]:
    """What `measured` finds with each engine, and an empty folder."""
    found = {}
    for name, engine in tqdm(ENGINES.items(), desc=title, unit="engine"):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = measured(engine, Path(folder))
    return found


def start() -> dict[str, Any]:
    """From the command to the end of the first iteration, and where the seconds go: medians of three."""

    def seconds(engine: Engine, folder: Path) -> dict[str, float]:
        importing = f"from {engine.package}.__main__ import FRAMEWORK; FRAMEWORK.load()"
        launched = time.time()
        code = f"{importing}; import time; print(time.time())"
        output = subprocess.check_output(
            [sys.executable, "-c", code], stderr=subprocess.DEVNULL, env=environment(engine)
        )
        imported = float(output.split()[-1]) - launched
        launched = time.time()
        train(engine, folder, "--steps", "2")
        (session,) = json.loads((folder / "run.json").read_text())["sessions"]
        began = datetime.fromisoformat(session["started"]).timestamp() - launched
        first = session["first_iteration_seconds"]
        return {
            "import": imported,
            "data_and_networks": began - imported,
            "first_iteration": first,
            "together": began + first,
        }

    def measured(engine: Engine, folder: Path) -> dict[str, float]:
        seconds(engine, folder / "warm-up")  # everything comes from the disk
        rounds = [seconds(engine, folder / str(number)) for number in range(3)]
        return {phase: round(median(one[phase] for one in rounds), 1) for phase in rounds[0]}

    return of_every_engine("start", measured)


def generate() -> dict[str, Any]:
    """`generate` as a command, into an array of 1, 100 and 100,000 images."""

    def measured(engine: Engine, folder: Path) -> dict[str, Any]:
        train(engine, folder / "run", "--steps", "1")
        command = ("-m", engine.package, "generate", "--run", str(folder / "run"), *ON_CPU)
        out = ("--out", str(folder / "images.npy"))
        return {
            str(count): asdict(call(*command, "--count", str(count), *out, engine=engine)) for count in IMAGES
        }

    return of_every_engine("generate", measured)


def compare() -> dict[str, Any]:
    """`make compare` of 1, 10 and 100 runs: first with measuring how good their images are, then again."""
    found: dict[str, Any] = {"measured": {}, "again": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train(ENGINES["PyTorch"], folder / "run", "--steps", "1000")
        for count in tqdm(RUNS, desc="compare", unit="report"):
            runs = [folder / f"{count}" / f"{number}" for number in range(count)]
            for seed, run in enumerate(runs):
                shutil.copytree(folder / "run", run)
                give_seed(Run.open(run), seed)  # else they would be one run
            for kind in found:
                cost = call("-m", "common.compare", "--runs", *map(str, runs), folder=folder)
                found[kind][str(count)] = asdict(cost)
    return found


def give_seed(run: Run, seed: int) -> None:
    """Let `run` pass for one of another seed."""
    (path,) = run.checkpoint_paths()
    state = checkpoint.load(path)
    replace(state, config=state.config | {"seed": seed}).save(path)
    run.record["config"]["seed"] = seed
    run.save_record()


def length() -> dict[str, Any]:
    """Peak memory of short and long trainings, film and chart included; two at a time, as none is timed."""

    def peak(engine: Engine, steps: int) -> int:
        with tempfile.TemporaryDirectory() as folder:
            options = ("--steps", str(steps), "--batch-size", "1")
            return train(engine, Path(folder) / "run", *options).peak_memory_mib

    with ThreadPoolExecutor(2) as pool, tqdm(total=len(ENGINES) * len(LENGTHS), desc="length") as progress:
        peaks = {
            (name, steps): pool.submit(peak, engine, steps)
            for steps in LENGTHS
            for name, engine in ENGINES.items()
        }
        for one in peaks.values():
            one.add_done_callback(lambda _: progress.update())
    return {name: {str(steps): peaks[name, steps].result() for steps in LENGTHS} for name in ENGINES}
