"""The loop of Keras' tutorial (keras.io/examples/generative/dcgan_overriding_train_step), our networks.

`fit` on a tf.data pipeline; a train_step with real and generated images in one batch, noisy labels, a sigmoid
and binary cross-entropy, Keras' Adam.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from benchmarks.pace import paced
from common.config import Config
from common.datasets import load
from common.mnist import default_data_dir


class GAN(keras.Model):
    """Both networks, as the tutorial combines them."""

    def __init__(self, discriminator: keras.Model, generator: keras.Model, noise_dim: int) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.noise_dim = noise_dim
        self.seed_generator = keras.random.SeedGenerator(1337)
        self.built = True

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

    def train_step(self, real_images: Any) -> dict[str, Any]:
        """One iteration."""
        batch_size = tf.shape(real_images)[0]
        noise = keras.random.normal((batch_size, self.noise_dim), seed=self.seed_generator)
        images = tf.concat([self.generator(noise), real_images], axis=0)
        labels = tf.concat([tf.ones((batch_size, 1)), tf.zeros((batch_size, 1))], axis=0)
        labels += 0.05 * tf.random.uniform(tf.shape(labels))
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(images, training=True))
        gradients = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(zip(gradients, self.discriminator.trainable_weights, strict=True))

        noise = keras.random.normal((batch_size, self.noise_dim), seed=self.seed_generator)
        misleading_labels = tf.zeros((batch_size, 1))
        with tf.GradientTape() as tape:
            predictions = self.discriminator(self.generator(noise), training=True)
            g_loss = self.loss_fn(misleading_labels, predictions)
        gradients = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(gradients, self.generator.trainable_weights, strict=True))

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


def main() -> None:
    config = Config()
    images = load("auto", default_data_dir())
    pixels = (images.pixels.astype("float32") - 127.5) / 127.5
    batches = tf.data.Dataset.from_tensor_slices(pixels).shuffle(len(pixels))
    batches = batches.batch(config.batch_size, drop_remainder=True).repeat()

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
    discriminator.add(layers.Dense(1, activation="sigmoid"))

    gan = GAN(discriminator, generator, config.noise_dim)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(config.lr, config.beta1),
        g_optimizer=keras.optimizers.Adam(config.lr, config.beta1),
        loss_fn=keras.losses.BinaryCrossentropy(),
    )
    gan.fit(batches, epochs=1, steps_per_epoch=10**6, verbose=0, callbacks=[Paced()])


if __name__ == "__main__":
    main()
