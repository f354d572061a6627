"""What the networks are made of and the framework does not have, or not in this form."""

import math
from typing import Any

import keras
from keras import layers, ops

from keras_gan.backends import backend

SLOPE = 0.2  # LeakyReLU(x) = max(x, 0.2 x)


def leaky_relu(x: Any) -> Any:
    """Any shape -> the same shape."""
    return backend.leaky_relu(x, SLOPE)


class BatchNormalisation(layers.Layer):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, for each channel.

    Ioffe & Szegedy, "Batch Normalization", 2015, arXiv:1502.03167: algorithm 1 in training, where running
    statistics follow those of the batch, and with these algorithm 2 afterwards. Only here and in TensorFlow:
    the running variance of `keras.layers.BatchNormalization` is biased.
    """

    momentum = 0.9  # running = 0.9 running + 0.1 batch
    epsilon = 1e-5

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights, for the channels of what it takes."""
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")
        self.running_mean = self.add_weight(
            name="running_mean", shape=shape, initializer="zeros", trainable=False
        )
        self.running_variance = self.add_weight(
            name="running_variance", shape=shape, initializer="ones", trainable=False
        )

    def call(self, x: Any, training: bool = False) -> Any:
        """(B, height, width, channels) -> the same shape."""
        mean, variance = self.running_mean, self.running_variance
        if training:
            mean, variance = ops.mean(x, axis=(0, 1, 2)), ops.var(x, axis=(0, 1, 2))
            m = math.prod(x.shape[:-1])
            self.follow(self.running_mean, mean)
            self.follow(self.running_variance, m / (m - 1) * variance)  # unbiased, as in algorithm 2
        return self.gamma * (x - mean) / ops.sqrt(variance + self.epsilon) + self.beta

    def follow(self, running: keras.Variable, batch: Any) -> None:
        """Move a running statistic towards that of a batch."""
        running.assign(self.momentum * running + (1 - self.momentum) * batch)


class Dropout(layers.Dropout):
    """`keras.layers.Dropout`, with a seed from `random` for each mask; a training step seeds `random`."""

    def __init__(self, rate: float, random: keras.random.SeedGenerator) -> None:
        super().__init__(0)  # with another rate it would make a generator of its own
        self.rate = rate
        self.next_seed = random.next

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Any shape -> the same shape: in training each unit 0 or divided by 1 - rate."""
        if not training or self.rate == 0:
            return inputs
        return backend.dropout(inputs, self.rate, self.next_seed())
