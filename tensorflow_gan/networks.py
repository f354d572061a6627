"""The two players: a discriminator that tells real images from generated ones, and a generator.

Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from common.checkpoint import Arrays

SLOPE = 0.2  # LeakyReLU(x) = max(x, 0.2 x)
DTYPE = tf.float32  # only here: TensorFlow has no default to set; the proof of parity needs tf.float64


def leaky_relu(x: tf.Tensor) -> tf.Tensor:
    """Any shape -> the same shape. `tf.nn.leaky_relu` has its slope in float32: 0.2 becomes 0.20000000298."""
    return tf.maximum(SLOPE * x, x)


class Dense(tf.Module):
    """y = x W + b. Only here: TensorFlow without Keras has no layers of its own."""

    def __init__(self, fan_in: int, fan_out: int) -> None:
        super().__init__()
        bound = fan_in**-0.5
        # A checkpoint's weights take their place. A TensorFlow that has to be deterministic asks for a seed.
        self.kernel = tf.Variable(tf.random.uniform([fan_in, fan_out], -bound, bound, DTYPE, seed=0))
        self.bias = tf.Variable(tf.random.uniform([fan_out], -bound, bound, DTYPE, seed=0))

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """(B, fan_in) -> (B, fan_out)."""
        return x @ self.kernel + self.bias


class Dropout(tf.Module):
    """`tf.nn.experimental.stateless_dropout`, with a new seed from `random` at every call.

    A compiled step cannot be seeded from outside as PyTorch is: `random` is a variable that it reads.
    """

    def __init__(self, rate: float, random: tf.random.Generator) -> None:
        super().__init__()
        self.rate = rate
        self.random = random

    def __call__(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """Any shape -> the same shape: in training each unit 0 or divided by 1 - rate."""
        if not training or self.rate == 0:
            return x
        seed = self.random.make_seeds(1)[:, 0]
        # Philox by name: what XLA chooses by itself on a CPU makes the whole iteration five times slower.
        return tf.nn.experimental.stateless_dropout(x, self.rate, seed, rng_alg="philox")


class Discriminator(tf.Module):
    """Image x -> D(x), the probability that x is real.

    784-1024-512-256-1: 1,460,225 weights.
    """

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.random = tf.random.Generator.from_seed(0, alg="philox")
        self.dense1 = Dense(784, 1024)
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

    def __call__(self, noise: tf.Tensor) -> tf.Tensor:
        """Noise (B, noise_dim) ~ N(0, I) -> images (B, 784) in [-1, 1]."""
        x = leaky_relu(self.dense1(noise))  # (B, noise_dim) -> (B, 256)
        x = leaky_relu(self.dense2(x))  # -> (B, 512)
        x = leaky_relu(self.dense3(x))  # -> (B, 1024)
        return tf.tanh(self.dense4(x))  # -> (B, 784): images lie in [-1, 1]


def named_weights(network: tf.Module, name: str) -> Iterator[tuple[str, tf.Variable]]:
    """The weights under the names of the exchange format: `discriminator.dense1.kernel` and so on."""
    for layer_name, layer in vars(network).items():
        if isinstance(layer, tf.Module):
            for weight_name, weight in vars(layer).items():
                if isinstance(weight, tf.Variable):
                    yield f"{name}.{layer_name}.{weight_name}", weight


def to_array(weight: tf.Variable) -> np.ndarray:
    """A copy as the exchange format has it: kernels (in, out), as they are here."""
    return weight.numpy().copy()


def load_weights(network: tf.Module, name: str, arrays: Arrays) -> None:
    """Set the weights of `network` to those in a checkpoint's `arrays`."""
    for weight_name, weight in named_weights(network, name):
        weight.assign(arrays[weight_name])


def generate(generator: Generator, noise: np.ndarray) -> np.ndarray:
    """Noise float32 (N, noise_dim) -> images float32 (N, 784) in [-1, 1]."""
    return generator(tf.constant(noise)).numpy()


def generate_from(arrays: Arrays, noise: np.ndarray, device: str) -> np.ndarray:
    """`generate` with the generator whose weights are in a checkpoint's `arrays`."""
    with tf.device(device):
        generator = Generator(noise.shape[1])
        load_weights(generator, "generator", arrays)
        return generate(generator, noise)
