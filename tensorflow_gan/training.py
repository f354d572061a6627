"""The adversarial game: losses, optimisers, one iteration, and the loop.

Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661: equation 1 and algorithm 1,
with the non-saturating generator loss of section 3.
"""

from collections.abc import Iterator

import tensorflow as tf

from common.checkpoint import Arrays
from common.config import Config
from common.feed import Feed
from common.recorder import Recorder
from tensorflow_gan.networks import (
    Discriminator,
    Generator,
    generate,
    load_weights,
    named_weights,
    to_array,
)


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


class Adam(tf.Module):
    """Adam (Kingma & Ba, 2014, arXiv:1412.6980, algorithm 1).

    Only here and in Keras: TensorFlow by itself has no optimisers. XLA makes one pass of these lines.
    """

    def __init__(self, weights: list[tf.Variable], config: Config) -> None:
        super().__init__()
        self.weights = weights
        self.m = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
        self.v = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
        self.step = tf.Variable(0.0, dtype=tf.float64)  # in float32, 1 - 0.999^t would lose digits
        self.lr, self.beta1, self.beta2 = config.lr, config.beta1, config.beta2
        self.epsilon = 1e-8  # added after the bias correction, as in algorithm 1

    def apply(self, gradients: list[tf.Tensor]) -> None:
        """Update each weight with its gradient."""
        t = self.step.assign_add(1.0)
        for weight, m, v, g in zip(self.weights, self.m, self.v, gradients, strict=True):
            m.assign(self.beta1 * m + (1 - self.beta1) * g)
            v.assign(self.beta2 * v + (1 - self.beta2) * g**2)
            m_hat = m / tf.cast(1 - self.beta1**t, g.dtype)
            v_hat = v / tf.cast(1 - self.beta2**t, g.dtype)
            weight.assign_sub(self.lr * m_hat / (tf.sqrt(v_hat) + self.epsilon))


class MovingAverage(tf.Module):
    """The average of weights w: decay · average + (1 - decay) · w, beginning with w after one update.

    Only here: `tf.train.ExponentialMovingAverage` begins with w before the first update.
    """

    def __init__(self, weights: list[tf.Variable], decay: float) -> None:
        super().__init__()
        self.weights = weights
        self.averages = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
        self.decay = decay

    def update(self, step: tf.Tensor) -> None:
        """Let the averages follow the weights, after their update number `step`."""
        for weight, average in zip(self.weights, self.averages, strict=True):
            followed = average + (1 - self.decay) * (weight - average)
            average.assign(tf.where(step > 1, followed, weight))


class GAN(tf.Module):
    """Both networks with their optimisers, and what one iteration does to them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.discriminator = Discriminator(config.dropout)
        self.generator = Generator(config.noise_dim)
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
        fake_images = self.generator(noise)

        # 2. Let the discriminator look at both, in one pass.
        with tf.GradientTape() as tape:
            logits = self.discriminator.logits(tf.concat([real_images, fake_images], axis=0), training=True)
            real_logits, fake_logits = tf.split(logits, 2)
            d_loss = discriminator_loss(real_logits, fake_logits)

        # 3. Update the discriminator.
        self.d_optimizer.apply(tape.gradient(d_loss, self.d_optimizer.weights))

        return {
            "d_loss": d_loss,
            "d_real": tf.reduce_mean(tf.sigmoid(real_logits)),
            "d_fake": tf.reduce_mean(tf.sigmoid(fake_logits)),
        }

    def generator_step(self, noise: tf.Tensor) -> dict[str, tf.Tensor]:
        """The generator learns to deceive the discriminator."""
        # 4. Generate from fresh noise and ask the discriminator as it is now.
        with tf.GradientTape() as tape:
            g_loss = generator_loss(self.discriminator.logits(self.generator(noise), training=True))

        # 5. Update the generator. The gradient passes through the discriminator, whose own weights
        #    are not asked for: they stay as they are and no gradient is computed for them.
        self.g_optimizer.apply(tape.gradient(g_loss, self.g_optimizer.weights))

        # 6. Let the average follow the generator.
        if self.average:
            self.average.update(self.g_optimizer.step)

        return {"g_loss": g_loss}

    def arrays(self) -> Arrays:
        """Weights, Adam's moments and averages, in the exchange format."""
        arrays: Arrays = {}
        for name, weight, m, v in self._trained_weights():
            arrays[name] = to_array(weight)
            arrays[f"{name}.adam_m"] = to_array(m)
            arrays[f"{name}.adam_v"] = to_array(v)
        for name, average in self._averages():
            arrays[f"{name}.average"] = to_array(average)
        return arrays

    def load_arrays(self, arrays: Arrays, iteration: int) -> None:
        """Take over the state after `iteration` iterations; the inverse of `arrays`."""
        load_weights(self.discriminator, "discriminator", arrays)
        load_weights(self.generator, "generator", arrays)
        for optimizer in (self.d_optimizer, self.g_optimizer):
            optimizer.step.assign(iteration)
        for name, _, m, v in self._trained_weights():
            m.assign(arrays[f"{name}.adam_m"])
            v.assign(arrays[f"{name}.adam_v"])
        if iteration > 0:
            for name, average in self._averages():
                average.assign(arrays[f"{name}.average"])

    def _trained_weights(self) -> Iterator[tuple[str, tf.Variable, tf.Variable, tf.Variable]]:
        """Every weight with its canonical name and what Adam keeps of it."""
        for network, name, optimizer in (
            (self.discriminator, "discriminator", self.d_optimizer),
            (self.generator, "generator", self.g_optimizer),
        ):
            named = named_weights(network, name)
            for (weight_name, weight), m, v in zip(named, optimizer.m, optimizer.v, strict=True):
                yield weight_name, weight, m, v

    def _averages(self) -> Iterator[tuple[str, tf.Variable]]:
        """The generator's averages, if they are kept, with the canonical names of their weights."""
        if self.average:
            named = named_weights(self.generator, "generator")
            for (name, _), average in zip(named, self.average.averages, strict=True):
                yield name, average


def adam(network: tf.Module, config: Config) -> Adam:
    """The optimiser of one network's weights."""
    return Adam([weight for _, weight in named_weights(network, "network")], config)


def moving_average(generator: Generator, decay: float) -> MovingAverage:
    """The average of the generator's weights. Only here and in PyTorch: Keras' optimisers can average."""
    return MovingAverage([weight for _, weight in named_weights(generator, "generator")], decay)


def train(config: Config, feed: Feed, recorder: Recorder, device: str) -> None:
    """Train from where `recorder` starts until it has no more iterations."""
    with tf.device(device):
        gan = GAN(config)
        gan.load_arrays(recorder.start.arrays, recorder.start.iteration)
        if recorder.start.iteration == 0:
            recorder.save_picture(0, generate(gan.generator, recorder.sample_noise))

        for iteration in recorder.iterations():
            # Everything random comes from (seed, iteration): to resume, no generator's state is needed.
            real_images, d_noise, g_noise = (tf.constant(array) for array in feed.batch(iteration))
            # What `reset_from_seed` does, without the millisecond that it takes.
            gan.discriminator.random.reset([feed.dropout_seed(iteration), 0, 0])

            metrics = gan.train_step(real_images, d_noise, g_noise)

            recorder.save_losses(iteration, **{name: float(value) for name, value in metrics.items()})
            done = iteration + 1
            if recorder.picture_is_due(done):
                recorder.save_picture(done, generate(gan.generator, recorder.sample_noise))
            if recorder.checkpoint_is_due(done):
                recorder.save_checkpoint(done, gan.arrays())
