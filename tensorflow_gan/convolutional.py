"""The two players of a DCGAN: convolutions in the place of most dense layers.

Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015, arXiv:1511.06434: section 3, for images of 28 x 28. As there, strides change the size, and
batch normalisation steadies the generator. Not as there, the discriminator has dropout in its place, as in
step 1, so that a gradient penalty can look at each image alone; a dense layer looks at all of an image at
once; and LeakyReLU serves both networks.
"""

import tensorflow as tf

from tensorflow_gan.layers import (
    BatchNormalisation,
    Convolution,
    Dense,
    Dropout,
    TransposedConvolution,
    leaky_relu,
)
from tensorflow_gan.networks import Discriminator, Generator


class ConvolutionalDiscriminator(Discriminator):
    """Image x -> D(x), the probability that x is real.

    28x28x1 - 14x14x32 - 7x7x64 - 256 - 1: 836,705 weights.
    """

    def __init__(self, dropout: float = 0.3, image_channels: int = 1) -> None:
        tf.Module.__init__(self)  # without the layers of step 1
        self.random = tf.random.Generator.from_seed(0, alg="philox")
        self.conv1 = Convolution(image_channels, 32)
        self.conv2 = Convolution(32, 64)
        self.dense1 = Dense(7 * 7 * 64, 256)
        self.dense2 = Dense(256, 1)
        self.dropout = Dropout(dropout, self.random)

    def planes(self, images: tf.Tensor) -> tf.Tensor:
        """Images (B, 784) -> (B, 28, 28, 1)."""
        return tf.reshape(images, [-1, 28, 28, 1])

    def logits(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Images (B, 784) in [-1, 1] -> log(D / (1 - D)) (B, 1): what the losses are computed from."""
        x = leaky_relu(self.conv1(self.planes(images)))  # (B, 28, 28, 1) -> (B, 14, 14, 32)
        x = self.dropout(x, training)
        x = leaky_relu(self.conv2(x))  # -> (B, 7, 7, 64)
        x = self.dropout(x, training)
        x = tf.reshape(x, [-1, 7 * 7 * 64])  # -> (B, 7 · 7 · 64)
        x = leaky_relu(self.dense1(x))  # -> (B, 256)
        x = self.dropout(x, training)
        return self.dense2(x)  # -> (B, 1)


class ConvolutionalGenerator(Generator):
    """Noise z -> image G(z).

    noise - 7x7x64 - 14x14x32 - 28x28x1: 347,073 weights for noise of 100 numbers. Batch normalisation takes
    the mean of each channel away, and with it any bias before it: there is none.
    """

    def __init__(self, noise_dim: int = 100) -> None:
        tf.Module.__init__(self)  # without the layers of step 1
        self.dense = Dense(noise_dim, 7 * 7 * 64, bias=False)
        self.norm1 = BatchNormalisation(64)
        self.conv1 = TransposedConvolution(64, 32, bias=False)
        self.norm2 = BatchNormalisation(32)
        self.conv2 = TransposedConvolution(32, 1)

    def __call__(self, noise: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Noise (B, noise_dim) ~ N(0, I) -> images (B, 784) in [-1, 1]."""
        x = tf.reshape(self.dense(noise), [-1, 7, 7, 64])  # (B, noise_dim) -> (B, 7, 7, 64)
        x = leaky_relu(self.norm1(x, training))
        x = self.conv1(x)  # -> (B, 14, 14, 32)
        x = leaky_relu(self.norm2(x, training))
        return tf.reshape(tf.tanh(self.conv2(x)), [-1, 784])  # -> (B, 784): images lie in [-1, 1]
