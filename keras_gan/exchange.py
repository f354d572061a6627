"""The framework's arrays <-> the exchange format of `common/checkpoint.py`: weights, moments, averages."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops

from common.checkpoint import Arrays, Checkpoint

if TYPE_CHECKING:
    from keras_gan.training import GAN


def named_weights(network: keras.Model, name: str) -> Iterator[tuple[str, keras.Variable]]:
    """The weights under the names of the exchange format: `discriminator.dense1.kernel` and so on."""
    for layer in network.network.layers:
        for weight in layer.weights:
            yield f"{name}.{layer.name}.{weight.name}", weight


def to_array(weight: keras.Variable) -> np.ndarray:
    """A copy as the exchange format has it, and as it is here."""
    return ops.convert_to_numpy(weight).copy()


def load_weights(network: keras.Model, name: str, arrays: Arrays) -> None:
    """Set the weights of `network` to those in a checkpoint's `arrays`."""
    for weight_name, weight in named_weights(network, name):
        weight.assign(arrays[weight_name])


def named_state(gan: "GAN") -> Iterator[tuple[str, keras.Variable]]:
    """All that a checkpoint keeps, under its name: weights, Adam's moments, averages."""
    for name, network, optimizer in (
        ("discriminator", gan.discriminator, gan.d_optimizer),
        ("generator", gan.generator, gan.g_optimizer),
    ):
        for weight_name, weight in named_weights(network, name):
            yield weight_name, weight
            if weight.trainable:  # not a running statistic
                m, v = optimizer.moments(weight)
                yield f"{weight_name}.adam_m", m
                yield f"{weight_name}.adam_v", v
    if gan.g_optimizer.use_ema:
        for weight_name, weight in named_weights(gan.generator, "generator"):
            if weight.trainable:
                yield f"{weight_name}.average", gan.g_optimizer.average(weight)


def to_arrays(gan: "GAN") -> Arrays:
    """Everything of `named_state`, in the exchange format."""
    return {name: to_array(variable) for name, variable in named_state(gan)}


def load_arrays(gan: "GAN", start: Checkpoint) -> None:
    """Take over the state of a checkpoint; the inverse of `to_arrays`."""
    state = dict(named_state(gan))
    for name, array in start.arrays.items():
        state[name].assign(array)
    for optimizer, updates in ((gan.d_optimizer, start.d_updates), (gan.g_optimizer, start.iteration)):
        optimizer.iterations.assign(updates)
