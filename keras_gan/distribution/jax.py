"""Keras on JAX: `DataParallel` says where each array lies, weights on all devices and rows on theirs.

An iteration stays one program on the whole batch, and XLA splits it into what each device does. A mean over
the batch is a mean over all devices, in gradients and statistics too, and `fit` does the rest. On several
machines each has a process, which all run that program together; Keras' own variables say which.
"""

import atexit
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils
from keras import ops

from common.config import Config
from common.errors import GanError
from common.feed import Feed
from common.machine.device import is_cpu, with_others
from common.machine.streams import silent_stderr
from common.runs.recorder import Recorder
from common.runs.together import GONE
from keras_gan import device, training, variants
from keras_gan.backends import backend
from keras_gan.training import GAN

TO_MEET = 45  # seconds, for the processes: one of them may never come


def select(name: str, count: int) -> str:
    """The first of `count` devices; from here on models and batches are on all of them.

    Raises:
        UsageError: see `device.select`; or there are not so many.
        GanError: see `meet`.
    """
    if os.environ.get("KERAS_DISTRIBUTION_NUM_PROCESSES"):
        meet()
        first = device.select(name)
        devices = keras.distribution.list_devices(first.partition(":")[0])
    else:
        first = device.select(name)
        devices = with_others(first, count, backend.devices(), "JAX")
        if is_cpu(first):  # each of those for which it passes has a number
            devices = [f"cpu:{number}" for number in range(count)]
    rows = Rows(devices=devices, auto_shard_dataset=False)  # each process feeds its own
    keras.distribution.set_distribution(rows)
    return first


def meet() -> None:
    """Have JAX connect the processes. Only here and in TensorFlow: in PyTorch `select` sees to that.

    Raises:
        GanError: the port of the first process is taken.
    """
    address = os.environ["KERAS_DISTRIBUTION_JOB_ADDRESSES"].split(",")[0]
    if os.environ["KERAS_DISTRIBUTION_PROCESS_ID"] == "0":
        try:  # first, as JAX would end without a word
            socket.create_server(("", int(address.rpartition(":")[2]))).close()
        except OSError:
            raise GanError(
                f"{address}, where the processes are to meet, is taken; choose another port."
            ) from None
    print(
        f"Notice: Waiting for the other processes at {address}, for {TO_MEET} s at most. Should it end here, "
        "look at what the others say, and whether they can be reached.",
        file=sys.stderr,
    )
    # Keras passes no limit on, and where JAX waits no Python runs that could raise an error.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(TO_MEET)
    with silent_stderr():  # Keras imports TensorFlow here, to seed that too
        keras.distribution.initialize()
    signal.alarm(0)


class Rows(keras.distribution.DataParallel):
    """`DataParallel` with the rows of a batch on the last axis but one: a critic's first counts batches."""

    def get_data_layout(self, data_shape: tuple[int, ...]) -> keras.distribution.TensorLayout:
        """Where the rows of an array go; the seed of dropout, which has none, goes to all devices."""
        axes: list[str | None] = [None] * len(data_shape)
        if len(data_shape) > 1:
            axes[-2] = self.batch_dim_name
        return keras.distribution.TensorLayout(axes, self.device_mesh)


class Share(Feed):
    """The rows of one process. One program draws the masks of all rows, by the seed of one device."""

    def dropout_seed(self, iteration: int) -> int:
        """See `Feed.dropout_seed`."""
        return Feed.dropout_seed(replace(self, device=0), iteration)


def make_gan(config: Config, first: str) -> GAN:
    """The game. Its pictures are drawn on one device, as of several processes the first alone draws them."""
    gan = variants.make_gan(config, first)

    def draw(noise: np.ndarray) -> np.ndarray:
        on_first = [(weight, weight.value.addressable_data(0)) for weight in gan.generator.variables]
        with keras.StatelessScope(on_first):
            return ops.convert_to_numpy(gan.generator(noise))

    gan.generator.predict_on_batch = draw
    return gan


def train(gan: GAN, feed: Feed, recorder: Recorder, first: str) -> None:
    """`training.train` with the rows of this process.

    Raises:
        GanError: another process is gone.
    """
    share = Share(feed.config, feed.images, feed.labels, jax.process_index(), jax.process_count())
    with sure_of_the_others():
        training.train(gan, share, recorder, first)


def from_first(array: np.ndarray) -> np.ndarray:
    """What the first process has.

    Raises:
        GanError: another process is gone.
    """
    with sure_of_the_others():
        return multihost_utils.broadcast_one_to_all(array)


@contextmanager
def sure_of_the_others() -> Iterator[None]:
    """Say it in a sentence where a process waits for another one that is gone."""
    try:
        yield
    except Exception as error:  # XLA's have no type in common
        if jax.process_count() > 1:
            sys.stdout.flush()
            atexit.register(os._exit, 1)  # before JAX waits for the others once more
        if "Gloo" not in str(error) and "NCCL" not in str(error):
            raise
        raise GanError(GONE) from None
