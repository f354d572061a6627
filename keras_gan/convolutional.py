"""The two players of a DCGAN: convolutions in the place of most dense layers.

Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015, arXiv:1511.06434: section 3, for images of 28 x 28. As there, strides change the size, and
batch normalisation steadies the generator. Not as there, the discriminator has dropout in its place, as in
step 1, so that a gradient penalty can look at each image alone; a dense layer looks at all of an image at
once; and LeakyReLU serves both networks.
"""

from typing import Any

import keras
from keras import layers, ops

from keras_gan.layers import BatchNormalisation, Dropout, TransposedConvolution, leaky_relu
from keras_gan.networks import Discriminator, Generator


class ConvolutionalDiscriminator(Discriminator):
    """Image x -> D(x), the probability that x is real.

    28x28x1 - 14x14x32 - 7x7x64 - 256 - 1: 836,705 weights.
    """

    def __init__(self, dropout: float = 0.3, image_channels: int = 1) -> None:
        keras.Model.__init__(self)  # without the layers of step 1
        self.random = keras.random.SeedGenerator(0)
        self.network = keras.Sequential(
            [
                keras.Input((28, 28, image_channels)),
                # (B, 28, 28, 1) -> (B, 14, 14, 32); "same" is a padding of 1 on every side here
                layers.Conv2D(32, 4, strides=2, padding="same", activation=leaky_relu, name="conv1"),
                Dropout(dropout, self.random),
                # -> (B, 7, 7, 64)
                layers.Conv2D(64, 4, strides=2, padding="same", activation=leaky_relu, name="conv2"),
                Dropout(dropout, self.random),
                layers.Flatten(),  # -> (B, 7 · 7 · 64)
                layers.Dense(256, activation=leaky_relu, name="dense1"),  # -> (B, 256)
                Dropout(dropout, self.random),
                layers.Dense(1, name="dense2"),  # -> (B, 1)
            ]
        )
        self.built = True  # all weights are there

    def planes(self, images: Any) -> Any:
        """Images (B, 784) -> (B, 28, 28, 1)."""
        return ops.reshape(images, (-1, 28, 28, 1))

    def logits(self, images: Any, training: bool = False) -> Any:
        """Images (B, 784) in [-1, 1] -> log(D / (1 - D)) (B, 1): what the losses are computed from."""
        return self.network(self.planes(images), training=training)


class ConvolutionalGenerator(Generator):
    """Noise z -> image G(z).

    noise - 7x7x64 - 14x14x32 - 28x28x1: 347,073 weights for noise of 100 numbers. Batch normalisation takes
    the mean of each channel away, and with it any bias before it: there is none.
    """

    def __init__(self, noise_dim: int = 100) -> None:
        keras.Model.__init__(self)  # without the layers of step 1
        self.network = keras.Sequential(
            [
                keras.Input((noise_dim,)),
                layers.Dense(7 * 7 * 64, use_bias=False, name="dense"),
                layers.Reshape((7, 7, 64)),  # (B, noise_dim) -> (B, 7, 7, 64)
                BatchNormalisation(name="norm1"),
                layers.Activation(leaky_relu),
                # -> (B, 14, 14, 32)
                TransposedConvolution(32, use_bias=False, name="conv1"),
                BatchNormalisation(name="norm2"),
                layers.Activation(leaky_relu),
                # -> (B, 28, 28, 1)
                TransposedConvolution(1, activation="tanh", name="conv2"),
                layers.Flatten(),  # -> (B, 784): images lie in [-1, 1]
            ]
        )
        self.built = True  # all weights are there

    def call(self, noise: Any, training: bool = False) -> Any:
        """Noise (B, noise_dim) ~ N(0, I) -> images (B, 784) in [-1, 1]."""
        return self.network(noise, training=training)
