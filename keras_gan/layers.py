"""What the networks are made of and the framework does not have, or not in this form."""

from typing import Any

import keras
from keras import layers, ops

from keras_gan.backends import backend

SLOPE = 0.2  # LeakyReLU(x) = max(x, 0.2 x)


def leaky_relu(x: Any) -> Any:
    """Any shape -> the same shape."""
    return backend.leaky_relu(x, SLOPE)


class TransposedConvolution(layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`, 4 x 4 with stride 2, by way of the backend.

    Only here and in TensorFlow: as Keras has it, its gradient takes most of an iteration on JAX.
    """

    def __init__(self, channels_out: int, **options: Any) -> None:
        super().__init__(channels_out, 4, strides=2, padding="same", **options)

    def call(self, x: Any) -> Any:
        """(B, height, width, channels) -> (B, 2 height, 2 width, channels_out)."""
        y = backend.transposed_convolution(x, ops.convert_to_tensor(self.kernel))
        return self.activation(y + self.bias if self.use_bias else y)


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
        if training:
            return backend.normalise_batch(x, self)
        deviation = ops.sqrt(self.running_variance + self.epsilon)
        return self.gamma * (x - self.running_mean) / deviation + self.beta


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
