"""The framework's arrays <-> the exchange format of `common/checkpoint.py`: weights, moments, averages."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from common.checkpoint import Arrays, Checkpoint

if TYPE_CHECKING:
    from tensorflow_gan.training import GAN


def named_weights(network: tf.Module, name: str) -> Iterator[tuple[str, tf.Variable]]:
    """The weights under the names of the exchange format: `discriminator.dense1.kernel` and so on."""
    for layer_name, layer in vars(network).items():
        if isinstance(layer, tf.Module):
            for weight_name, weight in vars(layer).items():
                if isinstance(weight, tf.Variable):
                    yield f"{name}.{layer_name}.{weight_name}", weight


def to_array(weight: tf.Variable) -> np.ndarray:
    """A copy as the exchange format has it, and as it is here."""
    return weight.numpy().copy()


def load_weights(network: tf.Module, name: str, arrays: Arrays) -> None:
    """Set the weights of `network` to those in a checkpoint's `arrays`."""
    for weight_name, weight in named_weights(network, name):
        weight.assign(arrays[weight_name])


def named_state(gan: "GAN") -> Iterator[tuple[str, tf.Variable]]:
    """All that a checkpoint keeps, under its name: weights, Adam's moments, averages."""
    for name, network, optimizer in (
        ("discriminator", gan.discriminator, gan.d_optimizer),
        ("generator", gan.generator, gan.g_optimizer),
    ):
        moments = zip(optimizer.m, optimizer.v, strict=True)
        for weight_name, weight in named_weights(network, name):
            yield weight_name, weight
            if weight.trainable:  # not a running statistic
                m, v = next(moments)
                yield f"{weight_name}.adam_m", m
                yield f"{weight_name}.adam_v", v
    if gan.average:
        averages = iter(gan.average.averages)
        for weight_name, weight in named_weights(gan.generator, "generator"):
            if weight.trainable:
                yield f"{weight_name}.average", next(averages)


def to_arrays(gan: "GAN") -> Arrays:
    """Everything of `named_state`, in the exchange format."""
    return {name: to_array(variable) for name, variable in named_state(gan)}


def load_arrays(gan: "GAN", start: Checkpoint) -> None:
    """Take over the state of a checkpoint; the inverse of `to_arrays`."""
    state = dict(named_state(gan))
    for name, array in start.arrays.items():
        state[name].assign(array)
    for optimizer, updates in ((gan.d_optimizer, start.d_updates), (gan.g_optimizer, start.iteration)):
        optimizer.step.assign(updates)
