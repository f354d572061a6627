"""This project's PyTorch training as a user runs it: feed, recording and pictures included."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pace import paced
from common.config import Config
from common.feed import Feed
from common.mnist import default_data_dir, load
from common.recorder import Recorder
from common.run import Run
from pytorch_gan import device, training


class PacedRecorder(Recorder):
    """A Recorder whose iterations come in the blocks of the benchmark."""

    def iterations(self) -> Iterator[int]:
        """The iterations still to do, until the benchmark ends."""
        for _, iteration in zip(paced(), super().iterations(), strict=False):
            yield iteration


def main() -> None:
    images = load("auto", default_data_dir())
    config = Config(dataset=images.name)
    feed = Feed(images.pixels, config.batch_size, config.noise_dim, config.seed)
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder) / "run", config, images)
        with PacedRecorder(run, "PyTorch", environment={}) as recorder:
            training.train(config, feed, recorder, device.select("cpu"))


if __name__ == "__main__":
    main()
