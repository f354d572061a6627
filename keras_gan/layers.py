"""What the networks are made of and the framework does not have, or not in this form."""

from typing import Any

import keras
from keras import layers

from keras_gan.backends import backend

SLOPE = 0.2  # LeakyReLU(x) = max(x, 0.2 x)


def leaky_relu(x: Any) -> Any:
    """Any shape -> the same shape."""
    return backend.leaky_relu(x, SLOPE)


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
