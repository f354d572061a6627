"""The loop of TensorFlow's GAN tutorial (tensorflow.org/tutorials/generative/dcgan), with our networks.

A tf.data pipeline, Keras layers and Adam, one tf.function with a tape for each network, both updated at once.
"""

import json
import sys

import tensorflow as tf

from benchmarks.pace import paced
from common.config import Config
from common.data.datasets import load
from common.data.mnist import default_data_dir


def main(settings: str) -> None:
    config = Config(**json.loads(settings))
    images = load("auto", default_data_dir())
    pixels = (images.pixels.astype("float32") - 127.5) / 127.5
    batches = (
        tf.data.Dataset.from_tensor_slices(pixels)
        .shuffle(len(pixels))
        .batch(config.batch_size, drop_remainder=True)
    )

    layers = tf.keras.layers
    generator = tf.keras.Sequential(
        [
            layers.Input((config.noise_dim,)),
            *(layer for width in (256, 512, 1024) for layer in (layers.Dense(width), layers.LeakyReLU(0.2))),
            layers.Dense(784, activation="tanh"),
        ]
    )
    discriminator = tf.keras.Sequential([layers.Input((784,))])
    for width in (1024, 512, 256):
        discriminator.add(layers.Dense(width))
        discriminator.add(layers.LeakyReLU(0.2))
        discriminator.add(layers.Dropout(config.dropout))
    discriminator.add(layers.Dense(1))

    cross_entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    d_optimizer = tf.keras.optimizers.Adam(config.lr, config.beta1)
    g_optimizer = tf.keras.optimizers.Adam(config.lr, config.beta1)

    @tf.function
    def train_step(real_images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        noise = tf.random.normal([config.batch_size, config.noise_dim])
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake_images = generator(noise, training=True)
            real_output = discriminator(real_images, training=True)
            fake_output = discriminator(fake_images, training=True)
            g_loss = cross_entropy(tf.ones_like(fake_output), fake_output)
            d_loss = cross_entropy(tf.ones_like(real_output), real_output)
            d_loss += cross_entropy(tf.zeros_like(fake_output), fake_output)
        g_gradients = g_tape.gradient(g_loss, generator.trainable_variables)
        d_gradients = d_tape.gradient(d_loss, discriminator.trainable_variables)
        g_optimizer.apply_gradients(zip(g_gradients, generator.trainable_variables, strict=True))
        d_optimizer.apply_gradients(zip(d_gradients, discriminator.trainable_variables, strict=True))
        return d_loss, g_loss

    for _, real_images in zip(paced(), batches.repeat(), strict=False):
        d_loss, g_loss = train_step(real_images)
        float(d_loss), float(g_loss)


if __name__ == "__main__":
    main(sys.argv[1])
