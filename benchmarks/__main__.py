"""`python -m benchmarks`: how fast this project trains, beside what cannot and what need not be faster.

The contenders take turns, a block of iterations each, long enough to hold a picture:

    loop   the training of this project in each framework, as `python -m pytorch_gan train` and so on run it
    plain  the training loop as each framework's tutorials write it
    floor  the matrix products that one iteration cannot avoid, alone, in PyTorch

The part of the loop that draws batches, noises and seeds is measured apart, as feed.

Then trainings are started as a user starts them, for the time until their first iteration is done and their
peak memory.
"""

import argparse
import json
import subprocess
import tempfile
import time
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import floor_pytorch
from benchmarks.pace import Contender
from common import datasets, machine, mnist
from common.config import Config
from common.feed import Feed

RESULTS = Path(__file__).parent / "results.json"
WARM_UP = 1  # blocks that are not counted
MEMORY_STEPS = 500  # to the second picture


class Loop(NamedTuple):
    """One of our trainings: what it is compared with, and how users start it."""

    package: str
    make: str
    keras_backend: str = ""
    plain: str = ""


LOOPS = {
    "PyTorch": Loop("pytorch_gan", "train-torch", plain="plain_pytorch"),
    "TensorFlow": Loop("tensorflow_gan", "train-tf", "tensorflow", plain="plain_tensorflow"),
    "Keras on TensorFlow": Loop("keras_gan", "train-keras", "tensorflow", plain="plain_keras"),
    "Keras on JAX": Loop("keras_gan", "train-keras", "jax"),
    "Keras on PyTorch": Loop("keras_gan", "train-keras", "torch"),
}


def take_turns(blocks: int, block: int) -> dict[str, list[float]]:
    """Seconds per iteration of every contender, one number for each of `blocks` blocks."""
    contenders = {"floor": Contender("benchmarks.floor_pytorch")}
    for name, loop in LOOPS.items():
        start = partial(Contender, keras_backend=loop.keras_backend)
        contenders[name] = start("benchmarks.loop", loop.package)
        if loop.plain:
            contenders[f"plain {name}"] = start(f"benchmarks.{loop.plain}")
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(WARM_UP + blocks):
        for name, contender in contenders.items():
            seconds[name].append(contender.seconds_per_iteration(block))
    for contender in contenders.values():
        contender.stop()
    return {name: values[WARM_UP:] for name, values in seconds.items()}


def feed_seconds(config: Config, images: mnist.Images, count: int = 500) -> float:
    """What it takes to draw everything random of one iteration; the median of `count`."""
    feed = Feed(images.pixels, config.batch_size, config.noise_dim, config.seed)
    seconds = []
    for iteration in range(count):
        began = time.perf_counter()
        feed.batch(iteration)
        feed.dropout_seed(iteration)
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def start_up(loop: Loop) -> dict[str, float]:
    """Seconds from `make` to the end of the first iteration, and the peak memory in MiB."""
    make(loop, "--help")  # sets up
    with tempfile.TemporaryDirectory() as folder:
        launched = time.time()
        make(loop, f"--steps 1 --run {folder}/one --device cpu")
        session = json.loads(Path(folder, "one", "run.json").read_text())["sessions"][0]
        started = datetime.fromisoformat(session["started"]).timestamp()
        make(loop, f"--steps {MEMORY_STEPS} --run {folder}/many --device cpu")
        peak = json.loads(Path(folder, "many", "run.json").read_text())["sessions"][0]["peak_memory_mib"]
    return {
        "seconds_to_first_iteration": round(started - launched + session["seconds"], 1),
        "peak_memory_mib": peak,
    }


def make(loop: Loop, arguments: str) -> None:
    """Train as a user does."""
    command = ["make", loop.make, f"ARGS={arguments}"]
    command.append(f"KERAS_BACKEND={loop.keras_backend}")
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--blocks", type=int, default=8, help="blocks of each contender (default: %(default)s)"
    )
    parser.add_argument("--block", type=int, default=250, help="iterations in a block (default: %(default)s)")
    options = parser.parse_args()

    config = Config()
    images = datasets.load("auto", mnist.default_data_dir())
    starts = {name: start_up(loop) for name, loop in LOOPS.items()}
    seconds = take_turns(options.blocks, options.block)
    milliseconds = {name: round(1e3 * median(values), 2) for name, values in seconds.items()}
    table = {}
    for name in LOOPS:
        loop_time, plain_time = milliseconds[name], milliseconds.get(f"plain {name}")
        table[name] = {
            "milliseconds_per_iteration": loop_time,
            "over_floor": round(loop_time / milliseconds["floor"], 2),
            "plain_over_loop": plain_time and round(plain_time / loop_time, 2),
            **starts[name],
        }
    packages = ("torch", "tensorflow", "keras", "jax")
    milliseconds["feed"] = round(1e3 * feed_seconds(config, images), 2)
    result = {
        "command": f"python -m benchmarks --blocks {options.blocks} --block {options.block}",
        "environment": machine.describe() | {package: version(package) for package in packages},
        "data": images.title,
        "batch_size": config.batch_size,
        "gigaflop_per_iteration": round(floor_pytorch.gigaflop(config.batch_size, config.noise_dim), 2),
        "milliseconds_per_iteration": milliseconds,
        "frameworks": table,
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{images.title}, batch {config.batch_size}, median of {options.blocks} blocks")
    for name, value in milliseconds.items():
        print(f"  {name:26} {value:7.2f} ms per iteration")
    print(f"{'':28} / floor   plain /   s to first   MiB")
    for name, row in table.items():
        print(
            f"  {name:26} {row['over_floor']:7.2f}   {row['plain_over_loop'] or '-':>7}   "
            f"{row['seconds_to_first_iteration']:10.1f}   {row['peak_memory_mib']:3}"
        )
    print(f"Written to {RESULTS}")


if __name__ == "__main__":
    main()
