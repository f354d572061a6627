"""The loop of TensorFlow's GAN tutorial (tensorflow.org/tutorials/generative/dcgan), with our networks.

A tf.data pipeline, Keras layers and Adam, one tf.function with a tape for each network, both updated at once.
"""

import sys

import tensorflow as tf

from benchmarks.pace import paced
from benchmarks.plain_keras import NETWORKS, settings_and_pixels


def main(settings: str) -> None:
    config, pixels = settings_and_pixels(settings)
    batches = (
        tf.data.Dataset.from_tensor_slices(pixels)
        .shuffle(len(pixels))
        .batch(config.batch_size, drop_remainder=True)
    )
    generator, discriminator = NETWORKS[config.networks](config)

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
