"""The adversarial game: losses, one iteration, and the loop.

Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661: equation 1 and algorithm 1,
with the non-saturating generator loss of section 3.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from common.config import Config
from common.feed import Feed
from common.runs.recorder import Recorder
from pytorch_gan.exchange import load_arrays, to_arrays
from pytorch_gan.networks import Discriminator, Generator, generate
from pytorch_gan.optimisers import adam, moving_average


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """L_D = -mean log D(x) - mean log(1 - D(G(z))).

    The sum, not its half: 2 ln 2 = 1.386 where D knows nothing. From the logits l, with D = sigmoid(l), it
    stays finite however sure D is: -log D = log(1 + exp(-l)) and -log(1 - D) = log(1 + exp(l)).

    Args:
        real_logits, fake_logits: (B, 1).
    """
    real_loss = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    fake_loss = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return real_loss + fake_loss


def generator_loss(fake_logits: Tensor) -> Tensor:
    """L_G = -mean log D(G(z)): ln 2 = 0.693 where D knows nothing.

    Non-saturating: minimising mean log(1 - D(G(z))) instead would give G almost no gradient while D
    still wins easily.

    Args:
        fake_logits: (B, 1).
    """
    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


class GAN:
    """Both networks with their optimisers, and what one iteration does to them."""

    # Another loss is a subclass that changes these: see least_squares.py and wasserstein.py.
    discriminator_loss = staticmethod(discriminator_loss)
    generator_loss = staticmethod(generator_loss)

    @staticmethod
    def output(logits: Tensor) -> Tensor:
        """Logits (B, 1) -> D(x) (B, 1), to report."""
        return torch.sigmoid(logits)

    def __init__(self, config: Config, discriminator: Discriminator, generator: Generator) -> None:
        self.discriminator = discriminator
        self.generator = generator
        self.d_optimizer = adam(self.discriminator, config)
        self.g_optimizer = adam(self.generator, config)
        self.average = moving_average(self.generator, config.ema_decay) if config.ema_decay else None
        self.generator_first = config.update_order == "generator-first"

    def train_step(self, real_images: Tensor, d_noise: Tensor, g_noise: Tensor) -> dict[str, Tensor]:
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

    def discriminator_step(self, real_images: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """The discriminator learns to tell real images from generated ones."""
        # 1. Generate images for the discriminator. `detach` cuts them off from the generator: its
        #    gradients would be computed here and thrown away.
        fake_images = self.generator(noise).detach()

        # 2. Let the discriminator look at both, in one pass.
        logits = self.discriminator.logits(torch.cat([real_images, fake_images]))
        real_logits, fake_logits = logits.chunk(2)
        d_loss = self.discriminator_loss(real_logits, fake_logits)

        # 3. Update the discriminator.
        self.d_optimizer.zero_grad()
        d_loss.backward()
        self.d_optimizer.step()

        return {
            "d_loss": d_loss.detach(),
            "d_real": self.output(real_logits.detach()).mean(),
            "d_fake": self.output(fake_logits.detach()).mean(),
        }

    def generator_step(self, noise: Tensor) -> dict[str, Tensor]:
        """The generator learns to deceive the discriminator."""
        # 4. Generate from fresh noise and ask the discriminator as it is now.
        g_loss = self.generator_loss(self.discriminator.logits(self.generator(noise)))

        # 5. Update the generator. The gradient passes through the discriminator, whose own weights
        #    are not among the `inputs`: they stay as they are and no gradient is computed for them.
        self.g_optimizer.zero_grad()
        g_loss.backward(inputs=list(self.generator.parameters()))
        self.g_optimizer.step()

        # 6. Let the average follow the generator.
        if self.average:
            self.average.update_parameters(self.generator)

        return {"g_loss": g_loss.detach()}


def train(gan: GAN, feed: Feed, recorder: Recorder, device: torch.device) -> None:
    """Train from where `recorder` starts until it has no more iterations."""
    load_arrays(gan, recorder.start)
    recorder.follow(partial(generate, gan.generator), partial(to_arrays, gan))

    for iteration in recorder.iterations():
        # Everything random comes from (seed, iteration): to resume, no generator's state is needed.
        batch = [torch.tensor(array, device=device) for array in feed.batch(iteration)]
        torch.manual_seed(feed.dropout_seed(iteration))

        metrics = gan.train_step(*batch)

        recorder.record(iteration, {name: value.item() for name, value in metrics.items()})
