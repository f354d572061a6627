"""Keras on TensorFlow: `MirroredStrategy` keeps each variable on every device, and runs a step on all.

It works below Keras as it does without, see tensorflow_gan/distribution.py. Keras' variables and optimisers
know of strategies. `fit` does too, but it would share out the first axis of an array, which in a critic's
batch counts steps and not rows; so it is left to believe in one device, and calls a step that is on all.
"""

from typing import Any

import tensorflow as tf

from common.config import Config
from common.machine.device import is_cpu, with_others
from keras_gan import device, training, variants
from keras_gan.backends import backend
from keras_gan.backends.shared import Tensor
from keras_gan.layers import BatchNormalisation
from keras_gan.optimisers import Adam
from keras_gan.training import GAN

strategy: tf.distribute.Strategy  # only here: where TensorFlow keeps it, `fit` would find it


def select(name: str, count: int) -> str:
    """The first of `count` devices; from here on models and steps are on all of them.

    Raises:
        UsageError: see `device.select`; or there are not so many.
    """
    global strategy
    if is_cpu(name) or not tf.config.list_physical_devices("GPU"):
        with_others("cpu:0", count, ["cpu:0"], "TensorFlow")
        (cpu,) = tf.config.list_physical_devices("CPU")
        # Before anything is computed, as in `device.select`.
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
        first = device.select(name)
        strategy = tf.distribute.MirroredStrategy([f"cpu:{number}" for number in range(count)])
    else:
        first = device.select(name)
        strategy = tf.distribute.MirroredStrategy(with_others(first, count, backend.devices(), "TensorFlow"))
    return first


def make_gan(config: Config, first: str) -> GAN:
    """The game, with gradients and batch statistics of all devices."""
    with strategy.scope():
        gan = variants.make_gan(config, first)
    for model in (gan, gan.generator):
        model._distribute_strategy = None  # by which `fit` and `predict_on_batch` would go
    for optimizer in (gan.d_optimizer, gan.g_optimizer):
        average_gradients(optimizer)
    for layer in gan.generator.network.layers:
        if isinstance(layer, BatchNormalisation):
            layer.__class__ = SynchronisedNorm  # a layer of a built network cannot be replaced
    on_all_devices(gan)
    return gan


train = training.train  # in one process nobody else can be gone
from_first = None


def means_over_devices(tensors: Any) -> Any:
    """The mean of each tensor over all devices."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, tensors)


def average_gradients(optimizer: Adam) -> None:
    """Have it average the gradients of all devices. By itself it adds them up, each divided by this."""
    optimizer.loss_scale_factor = strategy.num_replicas_in_sync


def on_all_devices(gan: GAN) -> None:
    """Let the iteration take place on each device with its rows, and return means over all of them."""
    devices = strategy.num_replicas_in_sync
    step = gan.train_step.__wrapped__  # as it is: XLA cannot compile what waits for other devices

    def step_with_rows(dropout_seed: Tensor, **batch: Tensor) -> dict[str, Tensor]:
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        own = {name: tf.stack(tf.split(one, devices, axis=-2))[number] for name, one in batch.items()}
        # Only here: a seed is all that Keras draws from, and it is the same on every device.
        own["dropout_seed"] = tf.random.experimental.stateless_fold_in(dropout_seed, number)
        return means_over_devices(step(gan, own))

    @tf.function
    def train_step(batch: dict[str, Tensor]) -> dict[str, Tensor]:
        metrics = strategy.run(step_with_rows, kwargs=batch)
        return {name: strategy.experimental_local_results(value)[0] for name, value in metrics.items()}

    gan.train_step = lambda number: train_step(gan.batches[int(number)])  # as `backend.for_fit` has it


class SynchronisedNorm(BatchNormalisation):
    """Batch normalisation by the statistics of the whole batch."""

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """(B, height, width, channels) -> the same shape, with the B rows of this device."""
        if not training:
            return super().call(x, training)
        mean = means_over_devices(tf.reduce_mean(x, axis=[0, 1, 2]))
        variance = means_over_devices(tf.reduce_mean((x - mean) ** 2, axis=[0, 1, 2]))
        m = tf.cast(strategy.num_replicas_in_sync * tf.size(x) // x.shape[-1], x.dtype)
        for running, batch in ((self.running_mean, mean), (self.running_variance, m / (m - 1) * variance)):
            running.assign(self.momentum * running + (1 - self.momentum) * batch)
        return tf.nn.batch_normalization(x, mean, variance, self.beta, self.gamma, self.epsilon)
