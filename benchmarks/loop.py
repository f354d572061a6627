"""This project's training as a user runs it: feed, recording and pictures included."""

import importlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.pace import paced
from common.command_line.framework import load
from common.command_line.train import follow, lead
from common.config import Config
from common.data import datasets
from common.data.mnist import default_data_dir
from common.feed import Feed
from common.runs.recorder import Recorder
from common.runs.run import Run


class PacedRecorder(Recorder):
    """A Recorder whose iterations come in the blocks of the benchmark."""

    def iterations(self) -> Iterator[int]:
        """The iterations still to do, until the benchmark ends."""
        for _, iteration in zip(paced(), super().iterations(), strict=False):
            yield iteration


def main(package: str, devices: str, settings: str) -> None:
    framework = importlib.import_module(f"{package}.__main__").FRAMEWORK
    if framework.place().number > 0:
        follow(framework, "cpu", int(devices))
        return
    implementation = load(framework, int(devices))
    config = Config(**json.loads(settings))
    images = datasets.load("auto", default_data_dir())
    config = replace(config, dataset=images.name, steps=99_999_999)
    feed = Feed(config, images.pixels, images.labels)
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder) / "run", config, images)
        with PacedRecorder(run, package, environment={}) as recorder:
            device = implementation.select_device("cpu")
            together = lead(recorder, feed, implementation) if framework.place().processes > 1 else recorder
            implementation.train(implementation.make_gan(config, device), feed, together, device)


if __name__ == "__main__":
    main(*sys.argv[1:])
