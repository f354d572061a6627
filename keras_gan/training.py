"""The adversarial game: losses, one iteration, and the loop.

Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661: equation 1 and algorithm 1,
with the non-saturating generator loss of section 3.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from common.config import Config
from common.feed import Feed
from common.runs.recorder import Recorder
from keras_gan.backends import backend
from keras_gan.backends.shared import Tensor
from keras_gan.exchange import load_arrays, to_arrays
from keras_gan.networks import Discriminator, Generator, generate
from keras_gan.optimisers import adam, both


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """L_D = -mean log D(x) - mean log(1 - D(G(z))).

    The sum, not its half: 2 ln 2 = 1.386 where D knows nothing. From the logits l, with D = sigmoid(l), it
    stays finite however sure D is: -log D = log(1 + exp(-l)) and -log(1 - D) = log(1 + exp(l)).

    Args:
        real_logits, fake_logits: (B, 1).
    """
    real_losses = ops.binary_crossentropy(ops.ones_like(real_logits), real_logits, from_logits=True)
    fake_losses = ops.binary_crossentropy(ops.zeros_like(fake_logits), fake_logits, from_logits=True)
    return ops.mean(real_losses) + ops.mean(fake_losses)


def generator_loss(fake_logits: Tensor) -> Tensor:
    """L_G = -mean log D(G(z)): ln 2 = 0.693 where D knows nothing.

    Non-saturating: minimising mean log(1 - D(G(z))) instead would give G almost no gradient while D
    still wins easily.

    Args:
        fake_logits: (B, 1).
    """
    losses = ops.binary_crossentropy(ops.ones_like(fake_logits), fake_logits, from_logits=True)
    return ops.mean(losses)


class GAN(keras.Model):
    """Both networks with their optimisers, and what one iteration does to them."""

    # Another loss is a subclass that changes these: see least_squares.py and wasserstein.py.
    discriminator_loss = staticmethod(discriminator_loss)
    generator_loss = staticmethod(generator_loss)

    @staticmethod
    def output(logits: Tensor) -> Tensor:
        """Logits (B, 1) -> D(x) (B, 1), to report."""
        return ops.sigmoid(logits)

    def __init__(self, config: Config, discriminator: Discriminator, generator: Generator) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.built = True  # all weights are there
        self.generator_first = config.update_order == "generator-first"
        self.d_optimizer, self.g_optimizer = adam(config), adam(config, config.ema_decay)
        # `fit` is for compiled models.
        optimizer = both(self, self.d_optimizer, self.g_optimizer)
        self.compile(optimizer=optimizer, run_eagerly=backend.RUN_EAGERLY)

    @backend.for_fit
    def train_step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One iteration: the discriminator learns, then the generator from the better discriminator.

        With `generator-first` it is the other way round.

        `fit` passes one argument, and with it the seed of dropout, as a compiled step cannot be seeded from
        outside. The losses are functions, which is what JAX differentiates.

        Args:
            batch: `real_images` (B, 784) in [-1, 1]; `d_noise` and `g_noise` (B, noise_dim), for the
                discriminator step and the generator step; `dropout_seed`, two integers.

        Returns:
            Both losses, and the means of D(x) and D(G(z)) in the discriminator step.
        """
        self.discriminator.random.state.assign(batch["dropout_seed"])
        if self.generator_first:
            g_metrics = self.generator_step(batch["g_noise"])
            d_metrics = self.discriminator_step(batch["real_images"], batch["d_noise"])
        else:
            d_metrics = self.discriminator_step(batch["real_images"], batch["d_noise"])
            g_metrics = self.generator_step(batch["g_noise"])
        return d_metrics | g_metrics

    def discriminator_step(self, real_images: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """The discriminator learns to tell real images from generated ones."""
        # 1. Generate images for the discriminator. `stop_gradient` cuts them off from the generator: its
        #    gradients would be computed here and thrown away.
        fake_images = ops.stop_gradient(self.generator(noise, training=True))

        # 2. Let the discriminator look at both, in one pass.
        def judge() -> tuple[Tensor, Tensor]:
            images = ops.concatenate([real_images, fake_images])
            logits = self.discriminator.logits(images, training=True)
            return self.discriminator_loss(*ops.split(logits, 2)), logits

        d_weights = self.discriminator.trainable_variables
        d_loss, logits, gradients = backend.value_and_gradients(self, judge, d_weights)

        # 3. Update the discriminator.
        self.d_optimizer.apply(gradients, d_weights)

        d_real, d_fake = ops.split(self.output(logits), 2)
        return {"d_loss": d_loss, "d_real": ops.mean(d_real), "d_fake": ops.mean(d_fake)}

    def generator_step(self, noise: Tensor) -> dict[str, Tensor]:
        """The generator learns to deceive the discriminator."""

        # 4. Generate from fresh noise and ask the discriminator as it is now.
        def deceive() -> tuple[Tensor, Tensor]:
            logits = self.discriminator.logits(self.generator(noise, training=True), training=True)
            return self.generator_loss(logits), logits

        g_weights = self.generator.trainable_variables
        g_loss, _, gradients = backend.value_and_gradients(self, deceive, g_weights)

        # 5. Update the generator. The gradient passes through the discriminator, whose own weights
        #    are not among the `g_weights`: they stay as they are and no gradient is computed for them.
        # 6. Let the average follow the generator. Here the optimiser does that.
        self.g_optimizer.apply(gradients, g_weights)

        return {"g_loss": g_loss}


class Batches(keras.utils.PyDataset):
    """The iterations from `first` up to `last`. Only here: `fit` asks for its data."""

    def __init__(self, feed: Feed, first: int, last: int) -> None:
        super().__init__()
        self.feed = feed
        self.numbers = range(first, last)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        iteration = self.numbers[index]
        seed = two_integers(self.feed.dropout_seed(iteration))
        return {**self.feed.batch(iteration)._asdict(), "dropout_seed": seed}


def two_integers(seed: int) -> np.ndarray:
    """The seed of an iteration, below 2**63, as dropout takes it: int32 (2,), none negative.

    Dropout counts the second on with each mask of an iteration, and has its last three bits for six of them.
    A critic's masks, which are more, go on into the next seeds, hardly ever those of another iteration.
    """
    high, low = divmod(seed, 2**28)
    return np.array([high % 2**31, low << 3], dtype=np.int32)


class Recording(keras.callbacks.Callback):
    """Hands to `recorder` what it is to keep. Only here: `fit` is the loop."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin with the first iteration."""
        # On JAX `self.model` brings the weights up to date, which `fit` has elsewhere meanwhile.
        self.recorder.follow(
            lambda noise: generate(self.model.generator, noise), lambda: to_arrays(self.model)
        )
        self.iterations = self.recorder.iterations()
        self.iteration = next(self.iterations)

    def on_train_batch_end(self, batch: int, logs: dict[str, Tensor]) -> None:
        """Record an iteration and go on to the next, if there is one."""
        self.recorder.record(self.iteration, {name: float(value) for name, value in logs.items()})
        following = next(self.iterations, None)
        if following is None:
            self.model.stop_training = True
        else:
            self.iteration = following


def train(gan: GAN, feed: Feed, recorder: Recorder, device: str) -> None:
    """Train from where `recorder` starts until it has no more iterations."""
    with keras.device(device):
        load_arrays(gan, recorder.start)

        # Everything random comes from (seed, iteration): to resume, no generator's state is needed.
        batches = Batches(feed, recorder.start.iteration, feed.config.steps)
        data = backend.fit_data(gan, batches)
        gan.fit(data, shuffle=False, verbose=0, callbacks=[Recording(recorder)])
