"""The two players: a discriminator that tells real images from generated ones, and a generator.

Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661.
"""

import numpy as np
import tensorflow as tf

from tensorflow_gan.layers import Dense, Dropout, leaky_relu


class Discriminator(tf.Module):
    """Image x -> D(x), the probability that x is real.

    784-1024-512-256-1: 1,460,225 weights.
    """

    def __init__(self, dropout: float = 0.3, image_dim: int = 784) -> None:
        super().__init__()
        self.random = tf.random.Generator.from_seed(0, alg="philox")
        self.dense1 = Dense(image_dim, 1024)
        self.dense2 = Dense(1024, 512)
        self.dense3 = Dense(512, 256)
        self.dense4 = Dense(256, 1)
        self.dropout = Dropout(dropout, self.random)

    def logits(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Images (B, 784) in [-1, 1] -> log(D / (1 - D)) (B, 1): what the losses are computed from."""
        x = leaky_relu(self.dense1(images))  # (B, 784) -> (B, 1024)
        x = self.dropout(x, training)
        x = leaky_relu(self.dense2(x))  # -> (B, 512)
        x = self.dropout(x, training)
        x = leaky_relu(self.dense3(x))  # -> (B, 256)
        x = self.dropout(x, training)
        return self.dense4(x)  # -> (B, 1)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Images (B, 784) in [-1, 1] -> D(x) (B, 1) in [0, 1]."""
        return tf.sigmoid(self.logits(images))


class Generator(tf.Module):
    """Noise z -> image G(z).

    noise-256-512-1024-784: 1,486,352 weights for noise of 100 numbers.
    """

    def __init__(self, noise_dim: int = 100) -> None:
        super().__init__()
        self.dense1 = Dense(noise_dim, 256)
        self.dense2 = Dense(256, 512)
        self.dense3 = Dense(512, 1024)
        self.dense4 = Dense(1024, 784)

    def __call__(self, noise: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Noise (B, noise_dim) ~ N(0, I) -> images (B, 784) in [-1, 1], the same in training."""
        x = leaky_relu(self.dense1(noise))  # (B, noise_dim) -> (B, 256)
        x = leaky_relu(self.dense2(x))  # -> (B, 512)
        x = leaky_relu(self.dense3(x))  # -> (B, 1024)
        return tf.tanh(self.dense4(x))  # -> (B, 784): images lie in [-1, 1]


def generate(generator: Generator, noise: np.ndarray) -> np.ndarray:
    """Noise float32 (N, noise_dim) -> images float32 (N, 784) in [-1, 1]."""
    return generator(tf.constant(noise)).numpy()
