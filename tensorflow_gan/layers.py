"""What the networks are made of and the framework does not have, or not in this form."""

import tensorflow as tf

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
