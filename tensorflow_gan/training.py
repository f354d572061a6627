"""The adversarial game: losses, one iteration, and the loop.

Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661: equation 1 and algorithm 1,
with the non-saturating generator loss of section 3.
"""

from functools import partial

import tensorflow as tf

from common.config import Config
from common.feed import Feed
from common.runs.recorder import Recorder
from tensorflow_gan.exchange import load_arrays, to_arrays
from tensorflow_gan.networks import Discriminator, Generator, generate
from tensorflow_gan.optimisers import adam, moving_average


def discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """L_D = -mean log D(x) - mean log(1 - D(G(z))).

    The sum, not its half: 2 ln 2 = 1.386 where D knows nothing. From the logits l, with D = sigmoid(l), it
    stays finite however sure D is: -log D = log(1 + exp(-l)) and -log(1 - D) = log(1 + exp(l)).

    Args:
        real_logits, fake_logits: (B, 1).
    """
    real_losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(real_logits), real_logits)
    fake_losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.zeros_like(fake_logits), fake_logits)
    return tf.reduce_mean(real_losses) + tf.reduce_mean(fake_losses)


def generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """L_G = -mean log D(G(z)): ln 2 = 0.693 where D knows nothing.

    Non-saturating: minimising mean log(1 - D(G(z))) instead would give G almost no gradient while D
    still wins easily.

    Args:
        fake_logits: (B, 1).
    """
    losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(fake_logits), fake_logits)
    return tf.reduce_mean(losses)


class GAN(tf.Module):
    """Both networks with their optimisers, and what one iteration does to them."""

    # Another loss is a subclass that changes these: see least_squares.py and wasserstein.py.
    discriminator_loss = staticmethod(discriminator_loss)
    generator_loss = staticmethod(generator_loss)

    @staticmethod
    def output(logits: tf.Tensor) -> tf.Tensor:
        """Logits (B, 1) -> D(x) (B, 1), to report."""
        return tf.sigmoid(logits)

    def __init__(self, config: Config, discriminator: Discriminator, generator: Generator) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.d_optimizer = adam(self.discriminator, config)
        self.g_optimizer = adam(self.generator, config)
        self.average = moving_average(self.generator, config.ema_decay) if config.ema_decay else None
        self.generator_first = config.update_order == "generator-first"

    @tf.function(jit_compile=True)
    def train_step(
        self, real_images: tf.Tensor, d_noise: tf.Tensor, g_noise: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """One iteration: the discriminator learns, then the generator from the better discriminator.

        With `generator-first` it is the other way round.

        Args:
            real_images: (B, 784) in [-1, 1].
            d_noise, g_noise: (B, noise_dim), for the discriminator step and the generator step.

        Returns:
            Both losses, and the means of D(x) and D(G(z)) in the discriminator step.
        """
        if self.generator_first:
            g_metrics = self.generator_step(g_noise)
            d_metrics = self.discriminator_step(real_images, d_noise)
        else:
            d_metrics = self.discriminator_step(real_images, d_noise)
            g_metrics = self.generator_step(g_noise)
        return d_metrics | g_metrics

    def discriminator_step(self, real_images: tf.Tensor, noise: tf.Tensor) -> dict[str, tf.Tensor]:
        """The discriminator learns to tell real images from generated ones."""
        # 1. Generate images for the discriminator. Outside the tape, which cuts them off from the
        #    generator: its gradients would be computed here and thrown away.
        fake_images = self.generator(noise, training=True)

        # 2. Let the discriminator look at both, in one pass.
        with tf.GradientTape() as tape:
            logits = self.discriminator.logits(tf.concat([real_images, fake_images], axis=0), training=True)
            real_logits, fake_logits = tf.split(logits, 2)
            d_loss = self.discriminator_loss(real_logits, fake_logits)

        # 3. Update the discriminator.
        self.d_optimizer.apply(tape.gradient(d_loss, self.d_optimizer.weights))

        return {
            "d_loss": d_loss,
            "d_real": tf.reduce_mean(self.output(real_logits)),
            "d_fake": tf.reduce_mean(self.output(fake_logits)),
        }

    def generator_step(self, noise: tf.Tensor) -> dict[str, tf.Tensor]:
        """The generator learns to deceive the discriminator."""
        # 4. Generate from fresh noise and ask the discriminator as it is now.
        with tf.GradientTape() as tape:
            g_loss = self.generator_loss(
                self.discriminator.logits(self.generator(noise, training=True), training=True)
            )

        # 5. Update the generator. The gradient passes through the discriminator, whose own weights
        #    are not asked for: they stay as they are and no gradient is computed for them.
        self.g_optimizer.apply(tape.gradient(g_loss, self.g_optimizer.weights))

        # 6. Let the average follow the generator.
        if self.average:
            self.average.update(self.g_optimizer.step)

        return {"g_loss": g_loss}


def train(gan: GAN, feed: Feed, recorder: Recorder, device: str) -> None:
    """Train from where `recorder` starts until it has no more iterations."""
    with tf.device(device):
        load_arrays(gan, recorder.start)
        recorder.follow(partial(generate, gan.generator), partial(to_arrays, gan))

        for iteration in recorder.iterations():
            # Everything random comes from (seed, iteration): to resume, no generator's state is needed.
            batch = [tf.constant(array) for array in feed.batch(iteration)]
            # What `reset_from_seed` does, without the millisecond that it takes.
            gan.discriminator.random.reset([feed.dropout_seed(iteration), 0, 0])

            metrics = gan.train_step(*batch)

            recorder.record(iteration, {name: float(value) for name, value in metrics.items()})
