"""What the networks are made of and the framework does not have, or not in this form."""

import tensorflow as tf

SLOPE = 0.2  # LeakyReLU(x) = max(x, 0.2 x)
DTYPE = tf.float32  # only here: TensorFlow has no default to set; the proof of parity needs tf.float64


def leaky_relu(x: tf.Tensor) -> tf.Tensor:
    """Any shape -> the same shape. `tf.nn.leaky_relu` has its slope in float32: 0.2 becomes 0.20000000298."""
    return tf.maximum(SLOPE * x, x)


def uniform(shape: list[int], fan_in: int) -> tf.Tensor:
    """What weights are until those of a checkpoint take their place. Only here: other layers bring theirs."""
    bound = fan_in**-0.5
    # A TensorFlow that has to be deterministic asks for a seed.
    return tf.random.uniform(shape, -bound, bound, DTYPE, seed=0)


class Dense(tf.Module):
    """y = x W + b. Only here: TensorFlow without Keras has no layers of its own."""

    def __init__(self, fan_in: int, fan_out: int, bias: bool = True) -> None:
        super().__init__()
        self.kernel = tf.Variable(uniform([fan_in, fan_out], fan_in))
        self.bias = tf.Variable(uniform([fan_out], fan_in)) if bias else 0.0

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """(B, fan_in) -> (B, fan_out)."""
        return x @ self.kernel + self.bias


class Convolution(tf.Module):
    """4 x 4 with stride 2: half as high and wide as x. Only here, as `Dense`."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        fan_in = 4 * 4 * channels_in
        self.kernel = tf.Variable(uniform([4, 4, channels_in, channels_out], fan_in))
        self.bias = tf.Variable(uniform([channels_out], fan_in))

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """(B, height, width, channels_in) -> (B, height / 2, width / 2, channels_out)."""
        # "SAME" is a padding of 1 on every side here.
        return tf.nn.conv2d(x, self.kernel, strides=2, padding="SAME") + self.bias


class TransposedConvolution(tf.Module):
    """4 x 4 with stride 2: twice as high and wide as x. Only here, as `Dense`."""

    def __init__(self, channels_in: int, channels_out: int, bias: bool = True) -> None:
        super().__init__()
        fan_in = 2 * 2 * channels_in  # a quarter of the kernel lies on numbers, the rest between them
        self.kernel = tf.Variable(uniform([4, 4, channels_out, channels_in], fan_in))
        self.bias = tf.Variable(uniform([channels_out], fan_in)) if bias else 0.0

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """(B, height, width, channels_in) -> (B, 2 height, 2 width, channels_out)."""
        shape = [tf.shape(x)[0], 2 * x.shape[1], 2 * x.shape[2], self.kernel.shape[2]]
        return tf.nn.conv2d_transpose(x, self.kernel, shape, strides=2, padding="SAME") + self.bias


class BatchNormalisation(tf.Module):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, for each channel.

    Ioffe & Szegedy, "Batch Normalization", 2015, arXiv:1502.03167: algorithm 1 in training, where running
    statistics follow those of the batch, and with these algorithm 2 afterwards. Only here and in Keras.
    """

    momentum = 0.9  # running = 0.9 running + 0.1 batch
    epsilon = 1e-5

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = tf.Variable(tf.ones([channels], DTYPE))
        self.beta = tf.Variable(tf.zeros([channels], DTYPE))
        self.running_mean = tf.Variable(tf.zeros([channels], DTYPE), trainable=False)
        self.running_variance = tf.Variable(tf.ones([channels], DTYPE), trainable=False)

    def __call__(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """(B, height, width, channels) -> the same shape."""
        mean, variance = self.running_mean, self.running_variance
        if training:
            mean, variance = tf.nn.moments(x, axes=[0, 1, 2])
            m = tf.cast(tf.size(x) // x.shape[-1], x.dtype)
            self.follow(self.running_mean, mean)
            self.follow(self.running_variance, m / (m - 1) * variance)  # unbiased, as in algorithm 2
        return tf.nn.batch_normalization(x, mean, variance, self.beta, self.gamma, self.epsilon)

    def follow(self, running: tf.Variable, batch: tf.Tensor) -> None:
        """Move a running statistic towards that of a batch."""
        running.assign(self.momentum * running + (1 - self.momentum) * batch)


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
