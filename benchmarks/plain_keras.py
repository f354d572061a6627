"""What the GANs in Keras' guides have in common, with our networks, in Keras' layers as they come.

`fit`, Keras' Adam, binary cross-entropy. The training step is that of one backend: see
`plain_keras_tensorflow.py` and `plain_keras_pytorch.py`. Of JAX, Keras' guides have no GAN. TensorFlow's
tutorial, `plain_tensorflow.py`, has the same layers.
"""

import json
from typing import Any

import keras
import numpy as np
from keras import layers

from benchmarks.pace import paced
from common.config import Config
from common.data.datasets import load
from common.data.mnist import default_data_dir


def dense_networks(config: Config) -> tuple[keras.Model, keras.Model]:
    """Generator and discriminator of step 1; this one gives logits."""
    generator = keras.Sequential([keras.Input((config.noise_dim,))])
    for width in (256, 512, 1024):
        generator.add(layers.Dense(width))
        generator.add(layers.LeakyReLU(negative_slope=0.2))
    generator.add(layers.Dense(784, activation="tanh"))
    discriminator = keras.Sequential([keras.Input((784,))])
    for width in (1024, 512, 256):
        discriminator.add(layers.Dense(width))
        discriminator.add(layers.LeakyReLU(negative_slope=0.2))
        discriminator.add(layers.Dropout(config.dropout))
    discriminator.add(layers.Dense(1))
    return generator, discriminator


def convolutional_networks(config: Config) -> tuple[keras.Model, keras.Model]:
    """Those of the DCGAN."""
    generator = keras.Sequential(
        [
            keras.Input((config.noise_dim,)),
            layers.Dense(7 * 7 * 64, use_bias=False),
            layers.Reshape((7, 7, 64)),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2DTranspose(32, 4, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
        ]
    )
    discriminator = keras.Sequential([keras.Input((28, 28, 1))])
    for channels in (32, 64):
        discriminator.add(layers.Conv2D(channels, 4, strides=2, padding="same"))
        discriminator.add(layers.LeakyReLU(negative_slope=0.2))
        discriminator.add(layers.Dropout(config.dropout))
    discriminator.add(layers.Flatten())
    discriminator.add(layers.Dense(256))
    discriminator.add(layers.LeakyReLU(negative_slope=0.2))
    discriminator.add(layers.Dropout(config.dropout))
    discriminator.add(layers.Dense(1))
    return generator, discriminator


NETWORKS = {"dense": dense_networks, "convolutional": convolutional_networks}


class PlainGAN(keras.Model):
    """Both networks, as the guides combine them."""

    def __init__(self, config: Config, from_logits: bool) -> None:
        super().__init__()
        self.generator, self.discriminator = NETWORKS[config.networks](config)
        if not from_logits:
            self.discriminator.add(layers.Activation("sigmoid"))
        self.noise_dim = config.noise_dim
        self.seed_generator = keras.random.SeedGenerator(1337)
        self.built = True
        self.compile(
            d_optimizer=keras.optimizers.Adam(config.lr, config.beta1),
            g_optimizer=keras.optimizers.Adam(config.lr, config.beta1),
            loss_fn=keras.losses.BinaryCrossentropy(from_logits),
        )

    def compile(self, d_optimizer: Any, g_optimizer: Any, loss_fn: Any) -> None:
        """Give each network its optimiser."""
        super().compile()
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.loss_fn = loss_fn
        self.d_loss_metric = keras.metrics.Mean(name="d_loss")
        self.g_loss_metric = keras.metrics.Mean(name="g_loss")

    @property
    def metrics(self) -> list[Any]:
        """What `fit` resets."""
        return [self.d_loss_metric, self.g_loss_metric]

    def losses_so_far(self, d_loss: Any, g_loss: Any) -> dict[str, Any]:
        """What a training step returns."""
        self.d_loss_metric.update_state(d_loss)
        self.g_loss_metric.update_state(g_loss)
        return {"d_loss": self.d_loss_metric.result(), "g_loss": self.g_loss_metric.result()}


class Paced(keras.callbacks.Callback):
    """Lets `fit` do its batches in the blocks of the benchmark."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Wait for the first block."""
        self.blocks = paced()
        next(self.blocks)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Wait for the next block where one has ended."""
        if next(self.blocks, self) is self:
            self.model.stop_training = True


def settings_and_pixels(settings: str) -> tuple[Config, np.ndarray]:
    """The configuration, and all images in [-1, 1], float32: (N, 784), or (N, 28, 28, 1) for convolutions."""
    config = Config(**json.loads(settings))
    pixels = (load("auto", default_data_dir()).pixels.astype("float32") - 127.5) / 127.5
    return config, pixels.reshape(-1, 28, 28, 1) if config.networks == "convolutional" else pixels


def fit(gan: PlainGAN, batches: Any) -> None:
    """Train until the benchmark ends."""
    gan.fit(batches, epochs=10**6, verbose=0, callbacks=[Paced()])
