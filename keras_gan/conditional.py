"""What labels add: both networks are told which class an image is of, or is to be of.

Mirza & Osindero, "Conditional Generative Adversarial Nets", 2014, arXiv:1411.1784: figure 1. A label y is a
one-hot number for each class, behind the noise and behind the image. The paper gives z and y hidden layers of
their own first; here the first layer takes both. A convolution takes each number of y as a plane of its own,
as every layer does in the code of Radford et al., 2015.
"""

from keras import ops

from keras_gan.backends.shared import Tensor
from keras_gan.convolutional import ConvolutionalDiscriminator, ConvolutionalGenerator
from keras_gan.networks import Discriminator, Generator


class ConditionalDiscriminator(Discriminator):
    """Labelled image (x, y) -> D(x | y), the probability that x is a real image of class y."""

    def __init__(self, dropout: float, classes: int) -> None:
        super().__init__(dropout, image_dim=784 + classes)


class ConditionalGenerator(Generator):
    """Labelled noise (z, y) -> labelled image (G(z | y), y): what the discriminator takes."""

    def __init__(self, noise_dim: int, classes: int) -> None:
        super().__init__(noise_dim + classes)
        self.classes = classes

    def call(self, noise: Tensor, training: bool = False) -> Tensor:
        """Noise (B, noise_dim + classes) -> images (B, 784 + classes), with the same labels."""
        images = super().call(noise, training)
        return ops.concatenate([images, noise[:, -self.classes :]], axis=1)


class ConditionalConvolutionalDiscriminator(ConvolutionalDiscriminator):
    """The same with convolutions."""

    def __init__(self, dropout: float, classes: int) -> None:
        super().__init__(dropout, image_channels=1 + classes)

    def planes(self, images: Tensor) -> Tensor:
        """Images (B, 784 + classes) -> (B, 28, 28, 1 + classes)."""
        labels = ops.tile(images[:, None, None, 784:], (1, 28, 28, 1))
        return ops.concatenate([super().planes(images[:, :784]), labels], axis=3)


class ConditionalConvolutionalGenerator(ConditionalGenerator, ConvolutionalGenerator):
    """The same with convolutions, which in `ConditionalGenerator` are `super()` then."""
