"""The two players: a discriminator that tells real images from generated ones, and a generator.

Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from common.checkpoint import Arrays
from keras_gan import backend

SLOPE = 0.2  # LeakyReLU(x) = max(x, 0.2 x)


def leaky_relu(x: Any) -> Any:
    """Any shape -> the same shape: see backend.py."""
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


class Discriminator(keras.Model):
    """Image x -> D(x), the probability that x is real.

    784-1024-512-256-1: 1,460,225 weights.
    """

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.random = keras.random.SeedGenerator(0)
        self.network = keras.Sequential(
            [
                keras.Input((784,)),
                layers.Dense(1024, activation=leaky_relu, name="dense1"),  # (B, 784) -> (B, 1024)
                Dropout(dropout, self.random),
                layers.Dense(512, activation=leaky_relu, name="dense2"),  # -> (B, 512)
                Dropout(dropout, self.random),
                layers.Dense(256, activation=leaky_relu, name="dense3"),  # -> (B, 256)
                Dropout(dropout, self.random),
                layers.Dense(1, name="dense4"),  # -> (B, 1)
            ]
        )
        self.built = True  # all weights are there

    def logits(self, images: Any, training: bool = False) -> Any:
        """Images (B, 784) in [-1, 1] -> log(D / (1 - D)) (B, 1): what the losses are computed from."""
        return self.network(images, training=training)

    def call(self, images: Any, training: bool = False) -> Any:
        """Images (B, 784) in [-1, 1] -> D(x) (B, 1) in [0, 1]."""
        return ops.sigmoid(self.logits(images, training))


class Generator(keras.Model):
    """Noise z -> image G(z).

    noise-256-512-1024-784: 1,486,352 weights for noise of 100 numbers.
    """

    def __init__(self, noise_dim: int = 100) -> None:
        super().__init__()
        self.network = keras.Sequential(
            [
                keras.Input((noise_dim,)),
                layers.Dense(256, activation=leaky_relu, name="dense1"),  # (B, noise_dim) -> (B, 256)
                layers.Dense(512, activation=leaky_relu, name="dense2"),  # -> (B, 512)
                layers.Dense(1024, activation=leaky_relu, name="dense3"),  # -> (B, 1024)
                layers.Dense(784, activation="tanh", name="dense4"),  # -> (B, 784): images lie in [-1, 1]
            ]
        )
        self.built = True  # all weights are there

    def call(self, noise: Any) -> Any:
        """Noise (B, noise_dim) ~ N(0, I) -> images (B, 784) in [-1, 1]."""
        return self.network(noise)


def named_weights(network: keras.Model, name: str) -> Iterator[tuple[str, keras.Variable]]:
    """The weights under the names of the exchange format: `discriminator.dense1.kernel` and so on."""
    for layer in network.network.layers:
        for weight in layer.trainable_variables:
            yield f"{name}.{layer.name}.{weight.name}", weight


def to_array(weight: keras.Variable) -> np.ndarray:
    """A copy as the exchange format has it: kernels (in, out), as they are here."""
    return ops.convert_to_numpy(weight).copy()


def load_weights(network: keras.Model, name: str, arrays: Arrays) -> None:
    """Set the weights of `network` to those in a checkpoint's `arrays`."""
    for weight_name, weight in named_weights(network, name):
        weight.assign(arrays[weight_name])


def generate(generator: Generator, noise: np.ndarray) -> np.ndarray:
    """Noise float32 (N, noise_dim) -> images float32 (N, 784) in [-1, 1]."""
    return generator.predict_on_batch(noise)


def generate_from(arrays: Arrays, noise: np.ndarray, device: str) -> np.ndarray:
    """`generate` with the generator whose weights are in a checkpoint's `arrays`."""
    with keras.device(device):
        generator = Generator(noise.shape[1])
        load_weights(generator, "generator", arrays)
        return generate(generator, noise)
