"""The loop of Keras' tutorial (keras.io/examples/generative/dcgan_overriding_train_step), our networks.

`fit` on a tf.data pipeline; a train_step with real and generated images in one batch and noisy labels.
"""

import sys
from typing import Any

import keras
import tensorflow as tf

from benchmarks.plain_keras import PlainGAN, fit, settings_and_pixels


class GAN(PlainGAN):
    """The tutorial's training step."""

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
        return self.losses_so_far(d_loss, g_loss)


def main(settings: str) -> None:
    config, pixels = settings_and_pixels(settings)
    batches = tf.data.Dataset.from_tensor_slices(pixels).shuffle(len(pixels))
    fit(GAN(config, from_logits=False), batches.batch(config.batch_size, drop_remainder=True))


if __name__ == "__main__":
    main(sys.argv[1])
