"""What a least-squares GAN changes: both losses, and so what D says.

Mao et al., "Least Squares Generative Adversarial Networks", 2016, arXiv:1611.04076: equation 9, which is
equation 2 with a = 0, b = 1 and c = 1.
"""

from keras import ops

from keras_gan.backends.shared import Tensor
from keras_gan.training import GAN


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """L_D = 1/2 mean (D(x) - 1)^2 + 1/2 mean D(G(z))^2: 1/4 where D knows nothing and says 1/2.

    Args:
        real_logits, fake_logits: (B, 1), which are D(x) and D(G(z)) here, without a sigmoid.
    """
    return 0.5 * ops.mean((real_logits - 1) ** 2) + 0.5 * ops.mean(fake_logits**2)


def generator_loss(fake_logits: Tensor) -> Tensor:
    """L_G = 1/2 mean (D(G(z)) - 1)^2: 1/8 where D knows nothing and says 1/2.

    The farther an image lies from 1, the larger its gradient, on either side; cross-entropy lets go of images
    that D takes for real.

    Args:
        fake_logits: (B, 1), which are D(G(z)).
    """
    return 0.5 * ops.mean((fake_logits - 1) ** 2)


class LeastSquaresGAN(GAN):
    """The GAN with these losses; one iteration is the same."""

    discriminator_loss = staticmethod(discriminator_loss)
    generator_loss = staticmethod(generator_loss)

    @staticmethod
    def output(logits: Tensor) -> Tensor:
        """Logits (B, 1) -> D(x) (B, 1), which they are: 1 for real, 0 for generated."""
        return logits
