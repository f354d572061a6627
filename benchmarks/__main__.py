"""`python -m benchmarks`: how fast this project trains, beside what cannot and what need not be faster.

The contenders take turns, a block of iterations each, long enough to hold a picture:

    loop   the training of this project, as `python -m pytorch_gan train` runs it
    floor  the matrix products that one iteration cannot avoid, alone
    plain  the training loop of a plain tutorial

The part of the loop that draws batches, noises and seeds is measured apart, as feed.

Then a training is started as a user starts it, for the time to its first iteration and its peak memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from statistics import median

import torch

from benchmarks import floor_pytorch
from benchmarks.pace import Contender
from common import machine, mnist
from common.config import Config
from common.feed import Feed
from pytorch_gan import device

RESULTS = Path(__file__).parent / "results.json"
CONTENDERS = ("loop", "floor", "plain")
WARM_UP = 1  # blocks that are not counted


def take_turns(blocks: int, block: int) -> dict[str, list[float]]:
    """Seconds per iteration of every contender, one number for each of `blocks` blocks."""
    contenders = {name: Contender(f"benchmarks.{name}_pytorch") for name in CONTENDERS}
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


def start_up(steps: int) -> dict[str, float]:
    """Seconds from `make train-torch` to the first iteration, and the peak memory of such a run in MiB."""
    subprocess.run(["make", "train-torch", "ARGS=--help"], check=True, capture_output=True)  # sets up
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        arguments = f"--steps {steps} --run {run} --device cpu"
        command = ["make", "train-torch", f"ARGS={arguments}"]
        launched = time.time()
        subprocess.run(command, check=True, capture_output=True)
        session = json.loads((run / "run.json").read_text())["sessions"][0]
    started = datetime.fromisoformat(session["started"]).timestamp()
    # The largest of all child processes so far; in bytes on macOS, in KiB elsewhere.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "seconds_to_first_iteration": round(started - launched, 1),
        "peak_memory_mib": round(peak / (2**20 if sys.platform == "darwin" else 2**10)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--blocks", type=int, default=12, help="blocks of each contender (default: %(default)s)"
    )
    parser.add_argument("--block", type=int, default=250, help="iterations in a block (default: %(default)s)")
    options = parser.parse_args()

    config = Config()
    images = mnist.load("auto", mnist.default_data_dir())
    start = start_up(steps=1_000)
    seconds = take_turns(options.blocks, options.block)
    milliseconds = {name: round(1e3 * median(values), 2) for name, values in seconds.items()}
    milliseconds["feed"] = round(1e3 * feed_seconds(config, images), 2)
    result = {
        "environment": machine.describe() | device.environment(torch.device("cpu")),
        "threads": torch.get_num_threads(),
        "data": images.title,
        "gigaflop_per_iteration": round(floor_pytorch.gigaflop(config.batch_size, config.noise_dim), 2),
        "milliseconds_per_iteration": milliseconds,
        "loop_over_floor": round(milliseconds["loop"] / milliseconds["floor"], 2),
        "plain_over_loop": round(milliseconds["plain"] / milliseconds["loop"], 2),
        **start,
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(f"PyTorch on {result['data']}, batch {config.batch_size}, median of {options.blocks} blocks")
    for name, value in milliseconds.items():
        print(f"  {name:6} {value:7.2f} ms per iteration")
    print(f"  loop / floor {result['loop_over_floor']}, plain / loop {result['plain_over_loop']}")
    print(f"  {start['seconds_to_first_iteration']} s from make train-torch to the first iteration")
    print(f"  {start['peak_memory_mib']} MiB at most in memory")
    print(f"Written to {RESULTS}")


if __name__ == "__main__":
    main()
