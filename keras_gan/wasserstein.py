"""What a Wasserstein GAN changes: a critic in the place of the discriminator, with a gradient penalty.

Arjovsky et al., "Wasserstein GAN", 2017, arXiv:1701.07875; Gulrajani et al., "Improved Training of
Wasserstein GANs", 2017, arXiv:1704.00028: algorithm 1. The critic says how real an image is, in any number:
it has no sigmoid. As long as its slope is at most 1, the difference between its means on real and on
generated images is at most their Wasserstein distance, and the better it has learnt, the closer.
"""

from keras import ops

from common.config import Config
from keras_gan.backends import backend
from keras_gan.backends.shared import Tensor
from keras_gan.networks import Discriminator, Generator
from keras_gan.training import GAN


def distance(real_values: Tensor, fake_values: Tensor) -> Tensor:
    """W = mean D(x) - mean D(G(z)), as the critic estimates it.

    Args:
        real_values, fake_values: (B, 1), as D has no sigmoid.
    """
    return ops.mean(real_values) - ops.mean(fake_values)


def generator_loss(fake_logits: Tensor) -> Tensor:
    """L_G = -mean D(G(z)).

    Args:
        fake_logits: (B, 1), which are D(G(z)).
    """
    return -ops.mean(fake_logits)


class WassersteinGAN(GAN):
    """The GAN with a critic that learns several times in an iteration."""

    generator_loss = staticmethod(generator_loss)

    def __init__(self, config: Config, discriminator: Discriminator, generator: Generator) -> None:
        super().__init__(config, discriminator, generator)
        self.penalty_weight = config.gradient_penalty

    @backend.for_fit
    def train_step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One iteration: the critic learns several times, then the generator from the better critic.

        Args:
            batch: `real_images` (critic_steps, B, 784) in [-1, 1]; `d_noise` (critic_steps, B, noise_dim),
                for the critic steps; `g_noise` (B, noise_dim), for the generator step; `mixing`
                (critic_steps, B, 1) in [0, 1), the shares of real images in the penalty's; `dropout_seed`,
                two integers.

        Returns:
            The distance W, the penalty, and the means of D(x) and D(G(z)) in the last critic step; the
            generator's loss.
        """
        self.discriminator.random.state.assign(batch["dropout_seed"])
        of_critic = (batch["real_images"], batch["d_noise"], batch["mixing"])
        for critic_batch in zip(*map(ops.unstack, of_critic), strict=True):
            metrics = self.critic_step(*critic_batch)
        return metrics | self.generator_step(batch["g_noise"])

    def critic_step(self, real_images: Tensor, noise: Tensor, mixing: Tensor) -> dict[str, Tensor]:
        """The critic learns to tell real images from generated ones, with a slope near 1."""
        # 1. Generate images for the critic, cut off from the generator.
        fake_images = ops.stop_gradient(self.generator(noise, training=True))

        def judge() -> tuple[Tensor, dict[str, Tensor]]:
            # 2. Let the critic look at both, in one pass.
            images = ops.concatenate([real_images, fake_images])
            real_values, fake_values = ops.split(self.discriminator.logits(images, training=True), 2)
            w = distance(real_values, fake_values)

            # 3. Penalise slopes other than 1, between real and generated images.
            mixed_images = fake_images + mixing * (real_images - fake_images)
            penalty = self.penalty_weight * self.gradient_penalty(mixed_images)

            return penalty - w, {
                "distance": w,
                "penalty": penalty,
                "d_real": ops.mean(real_values),
                "d_fake": ops.mean(fake_values),
            }

        d_weights = self.discriminator.trainable_variables
        _, metrics, gradients = backend.value_and_gradients(self, judge, d_weights)

        # 4. Update the critic: L_D = -W + penalty.
        self.d_optimizer.apply(gradients, d_weights)

        return metrics

    def gradient_penalty(self, images: Tensor) -> Tensor:
        """mean (|dD(x)/dx| - 1)^2, itself to be differentiated.

        Args:
            images: (B, 784). A label behind them is given, not an image: its gradient does not count.
        """

        def values(images: Tensor) -> Tensor:
            return self.discriminator.logits(images, training=True)

        norms = ops.norm(backend.input_gradients(values, images)[:, :784], axis=1)
        return ops.mean((norms - 1) ** 2)
