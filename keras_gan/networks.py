"""The two players: a discriminator that tells real images from generated ones, and a generator.

Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_gan.layers import Dropout, leaky_relu


class Discriminator(keras.Model):
    """Image x -> D(x), the probability that x is real.

    784-1024-512-256-1: 1,460,225 weights.
    """

    def __init__(self, dropout: float = 0.3, image_dim: int = 784) -> None:
        super().__init__()
        self.random = keras.random.SeedGenerator(0)
        self.network = keras.Sequential(
            [
                keras.Input((image_dim,)),
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

    def call(self, noise: Any, training: bool = False) -> Any:
        """Noise (B, noise_dim) ~ N(0, I) -> images (B, 784) in [-1, 1], the same in training."""
        return self.network(noise, training=training)


def generate(generator: Generator, noise: np.ndarray) -> np.ndarray:
    """Noise float32 (N, noise_dim) -> images float32 (N, 784) in [-1, 1]."""
    return generator.predict_on_batch(noise)
