"""What a Wasserstein GAN changes: a critic in the place of the discriminator, with a gradient penalty.

Arjovsky et al., "Wasserstein GAN", 2017, arXiv:1701.07875; Gulrajani et al., "Improved Training of
Wasserstein GANs", 2017, arXiv:1704.00028: algorithm 1. The critic says how real an image is, in any number:
it has no sigmoid. As long as its slope is at most 1, the difference between its means on real and on
generated images is at most their Wasserstein distance, and the better it has learnt, the closer.
"""

import tensorflow as tf

from common.config import Config
from tensorflow_gan.networks import Discriminator, Generator
from tensorflow_gan.training import GAN


def distance(real_values: tf.Tensor, fake_values: tf.Tensor) -> tf.Tensor:
    """W = mean D(x) - mean D(G(z)), as the critic estimates it.

    Args:
        real_values, fake_values: (B, 1), as D has no sigmoid.
    """
    return tf.reduce_mean(real_values) - tf.reduce_mean(fake_values)


def generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """L_G = -mean D(G(z)).

    Args:
        fake_logits: (B, 1), which are D(G(z)).
    """
    return -tf.reduce_mean(fake_logits)


class WassersteinGAN(GAN):
    """The GAN with a critic that learns several times in an iteration."""

    generator_loss = staticmethod(generator_loss)

    def __init__(self, config: Config, discriminator: Discriminator, generator: Generator) -> None:
        super().__init__(config, discriminator, generator)
        self.penalty_weight = config.gradient_penalty

    @tf.function(jit_compile=True)
    def train_step(
        self, real_images: tf.Tensor, d_noise: tf.Tensor, g_noise: tf.Tensor, mixing: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """One iteration: the critic learns several times, then the generator from the better critic.

        Args:
            real_images: (critic_steps, B, 784) in [-1, 1].
            d_noise: (critic_steps, B, noise_dim), for the critic steps.
            g_noise: (B, noise_dim), for the generator step.
            mixing: (critic_steps, B, 1) in [0, 1), the shares of real images in the penalty's.

        Returns:
            The distance W, the penalty, and the means of D(x) and D(G(z)) in the last critic step; the
            generator's loss.
        """
        for batch in zip(*map(tf.unstack, (real_images, d_noise, mixing)), strict=True):
            metrics = self.critic_step(*batch)
        return metrics | self.generator_step(g_noise)

    def critic_step(
        self, real_images: tf.Tensor, noise: tf.Tensor, mixing: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The critic learns to tell real images from generated ones, with a slope near 1."""
        # 1. Generate images for the critic, cut off from the generator.
        fake_images = self.generator(noise, training=True)

        with tf.GradientTape() as tape:
            # 2. Let the critic look at both, in one pass.
            values = self.discriminator.logits(tf.concat([real_images, fake_images], axis=0), training=True)
            real_values, fake_values = tf.split(values, 2)
            w = distance(real_values, fake_values)

            # 3. Penalise slopes other than 1, between real and generated images.
            mixed_images = fake_images + mixing * (real_images - fake_images)
            penalty = self.penalty_weight * self.gradient_penalty(mixed_images)
            d_loss = penalty - w

        # 4. Update the critic: L_D = -W + penalty.
        self.d_optimizer.apply(tape.gradient(d_loss, self.d_optimizer.weights))

        return {
            "distance": w,
            "penalty": penalty,
            "d_real": tf.reduce_mean(real_values),
            "d_fake": tf.reduce_mean(fake_values),
        }

    def gradient_penalty(self, images: tf.Tensor) -> tf.Tensor:
        """mean (|dD(x)/dx| - 1)^2, itself to be differentiated.

        Args:
            images: (B, 784). A label behind them is given, not an image: its gradient does not count.
        """
        with tf.GradientTape() as tape:
            tape.watch(images)
            values = self.discriminator.logits(images, training=True)
        gradients = tape.gradient(values, images)
        norms = tf.norm(gradients[:, :784], axis=1)
        return tf.reduce_mean((norms - 1) ** 2)
