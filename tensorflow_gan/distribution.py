"""The GAN on several devices: each has all weights, and its rows of every batch.

Between the gradients and the update the devices average their gradients, so all make the same update. A
strategy keeps each variable on every device, and runs a step on all of them: `MirroredStrategy` on those of
one machine, `MultiWorkerMirroredStrategy` on those of all machines in the environment's TF_CONFIG.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from common.config import Config
from common.errors import GanError
from common.feed import Feed
from common.machine.device import is_cpu, with_others
from common.runs.recorder import Recorder
from common.runs.together import GONE
from tensorflow_gan import device, training, variants
from tensorflow_gan.layers import BatchNormalisation
from tensorflow_gan.optimisers import Adam
from tensorflow_gan.training import GAN

TO_MEET = 45  # seconds, for the workers: one of them may never come


def select(name: str, count: int) -> str:
    """The first of `count` devices; from here on variables and steps are on all of them.

    Raises:
        UsageError: see `device.select`; or there are not so many.
        GanError: see `meet`.
    """
    if os.environ.get("TF_CONFIG"):
        strategy: tf.distribute.Strategy = meet()
        first = device.select(name)
    elif is_cpu(name) or not tf.config.list_physical_devices("GPU"):
        with_others("cpu:0", count, ["cpu:0"], "TensorFlow")
        (cpu,) = tf.config.list_physical_devices("CPU")
        # Before anything is computed, as in `device.select`.
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
        first = device.select(name)
        strategy = tf.distribute.MirroredStrategy([f"cpu:{number}" for number in range(count)])
    else:
        first = device.select(name)
        strategy = tf.distribute.MirroredStrategy(with_others(first, count, device.devices(), "TensorFlow"))
    tf.distribute.experimental_set_strategy(strategy)
    return first


def meet() -> tf.distribute.MultiWorkerMirroredStrategy:
    """The strategy of all workers, once they are there. Only here and in Keras: see `select` in PyTorch.

    Raises:
        GanError: this worker's port is taken.
    """
    print(
        f"Notice: Waiting for the workers in TF_CONFIG, for {TO_MEET} s at most. Should it end here, look at "
        "what the others say, and whether they can be reached.",
        file=sys.stderr,
    )
    # TensorFlow has no limit for that, and no Python runs meanwhile that could raise an error.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(TO_MEET)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.UnknownError:
        raise GanError("This worker's port in TF_CONFIG is taken; choose another one.") from None
    finally:
        signal.alarm(0)


def make_gan(config: Config, first: str) -> GAN:
    """The game, with gradients and batch statistics of all devices."""
    with tf.variable_creator_scope(the_same_on_each):
        gan = variants.make_gan(config, first)
    for optimizer in (gan.d_optimizer, gan.g_optimizer):
        average_gradients(optimizer)
    for name, layer in [*vars(gan.generator).items()]:
        if isinstance(layer, BatchNormalisation):
            setattr(gan.generator, name, SynchronisedNorm(layer))
    on_all_devices(gan)
    return gan


def train(gan: GAN, feed: Feed, recorder: Recorder, first: str) -> None:
    """`training.train`, where another machine may be gone.

    Raises:
        GanError: it is.
    """
    with sure_of_the_others():
        training.train(gan, feed, recorder, first)


def from_first(array: np.ndarray) -> np.ndarray:
    """What the first process has.

    Raises:
        GanError: another process is gone.
    """
    with sure_of_the_others():
        return sum_with_others(tf.constant(array)).numpy()


@tf.function
def sum_with_others(values: tf.Tensor) -> tf.Tensor:
    """What the first device has, by adding zeros. Only here: strategies do not broadcast."""

    def add(values: tf.Tensor) -> tf.Tensor:
        replica = tf.distribute.get_replica_context()
        is_first = tf.cast(tf.equal(replica.replica_id_in_sync_group, 0), values.dtype)
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, is_first * values)

    strategy = tf.distribute.get_strategy()
    return strategy.experimental_local_results(strategy.run(add, args=(values,)))[0]


@contextmanager
def sure_of_the_others() -> Iterator[None]:
    """Say it in a sentence where a process waits for another one that is gone."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError):
        if not os.environ.get("TF_CONFIG"):
            raise
        raise GanError(GONE) from None


def the_same_on_each(create: Any, **options: Any) -> tf.Variable:
    """A variable to which all devices assign the same: the value of the first of them is taken for all.

    Only here: a strategy wants to know what is to become of several values.
    """
    return create(**options | {"aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA})


def means_over_devices(tensors: Any) -> Any:
    """The mean of each tensor over all devices."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, tensors)


def average_gradients(optimizer: Adam) -> None:
    """Before each update, put the mean over all devices into the place of each gradient."""
    update = optimizer.apply
    optimizer.apply = lambda gradients: update(means_over_devices(gradients))  # type: ignore[method-assign]


def on_all_devices(gan: GAN) -> None:
    """Let the iteration take place on each device with its rows, and return means over all of them."""
    strategy = tf.distribute.get_strategy()
    devices = strategy.num_replicas_in_sync
    step = gan.train_step.python_function  # as it is: XLA cannot compile what waits for other devices

    def step_with_rows(*batch: tf.Tensor) -> dict[str, tf.Tensor]:
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return means_over_devices(step(*(tf.stack(tf.split(one, devices, axis=-2))[number] for one in batch)))

    @tf.function
    def train_step(*batch: tf.Tensor) -> dict[str, tf.Tensor]:
        metrics = strategy.run(step_with_rows, args=batch)
        return {name: strategy.experimental_local_results(value)[0] for name, value in metrics.items()}

    gan.train_step = train_step


class SynchronisedNorm(BatchNormalisation):
    """Batch normalisation by the statistics of the whole batch."""

    def __init__(self, norm: BatchNormalisation) -> None:
        tf.Module.__init__(self)
        self.gamma, self.beta = norm.gamma, norm.beta
        self.running_mean, self.running_variance = norm.running_mean, norm.running_variance

    def __call__(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """(B, height, width, channels) -> the same shape, with the B rows of this device."""
        if not training:
            return super().__call__(x, training)
        mean = means_over_devices(tf.reduce_mean(x, axis=[0, 1, 2]))
        variance = means_over_devices(tf.reduce_mean((x - mean) ** 2, axis=[0, 1, 2]))
        devices = tf.distribute.get_strategy().num_replicas_in_sync
        m = tf.cast(devices * tf.size(x) // x.shape[-1], x.dtype)
        self.follow(self.running_mean, mean)
        self.follow(self.running_variance, m / (m - 1) * variance)
        return tf.nn.batch_normalization(x, mean, variance, self.beta, self.gamma, self.epsilon)
