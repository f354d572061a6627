"""The two players of a DCGAN: convolutions in the place of most dense layers.

Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015, arXiv:1511.06434: section 3, for images of 28 x 28. As there, strides change the size, and
batch normalisation steadies the generator. Not as there, the discriminator has dropout in its place, as in
step 1, so that a gradient penalty can look at each image alone; a dense layer looks at all of an image at
once; and LeakyReLU serves both networks.
"""

import torch
from torch import Tensor, nn

from pytorch_gan.layers import Dropout, leaky_relu
from pytorch_gan.networks import Discriminator, Generator


class ConvolutionalDiscriminator(Discriminator):
    """Image x -> D(x), the probability that x is real.

    28x28x1 - 14x14x32 - 7x7x64 - 256 - 1: 836,705 weights.
    """

    def __init__(self, dropout: float = 0.3, image_channels: int = 1) -> None:
        nn.Module.__init__(self)  # without the layers of step 1
        self.conv1 = nn.Conv2d(image_channels, 32, kernel_size=4, stride=2, padding=1)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=4, stride=2, padding=1)
        self.dense1 = nn.Linear(7 * 7 * 64, 256)
        self.dense2 = nn.Linear(256, 1)
        self.dropout = Dropout(dropout)
        # In memory; shapes stay as they are. On a CPU it is faster. (The types of `to` do not know it.)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def planes(self, images: Tensor) -> Tensor:
        """Images (B, 784) -> (B, 1, 28, 28)."""
        return images.view(-1, 1, 28, 28)

    def logits(self, images: Tensor) -> Tensor:
        """Images (B, 784) in [-1, 1] -> log(D / (1 - D)) (B, 1): what the losses are computed from."""
        x = leaky_relu(self.conv1(self.planes(images)))  # (B, 1, 28, 28) -> (B, 32, 14, 14)
        x = self.dropout(x)
        x = leaky_relu(self.conv2(x))  # -> (B, 64, 7, 7)
        x = self.dropout(x)
        x = x.permute(0, 2, 3, 1).flatten(1)  # -> (B, 7 · 7 · 64): channels last, as in the exchange format
        x = leaky_relu(self.dense1(x))  # -> (B, 256)
        x = self.dropout(x)
        return self.dense2(x)  # -> (B, 1)


class ConvolutionalGenerator(Generator):
    """Noise z -> image G(z).

    noise - 7x7x64 - 14x14x32 - 28x28x1: 347,073 weights for noise of 100 numbers. Batch normalisation takes
    the mean of each channel away, and with it any bias before it: there is none.
    """

    def __init__(self, noise_dim: int = 100) -> None:
        nn.Module.__init__(self)  # without the layers of step 1
        self.dense = nn.Linear(noise_dim, 7 * 7 * 64, bias=False)
        self.norm1 = nn.BatchNorm2d(64, eps=1e-5, momentum=0.1)  # running = 0.9 running + 0.1 batch
        self.conv1 = nn.ConvTranspose2d(64, 32, kernel_size=4, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(32, eps=1e-5, momentum=0.1)
        self.conv2 = nn.ConvTranspose2d(32, 1, kernel_size=4, stride=2, padding=1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, noise: Tensor) -> Tensor:
        """Noise (B, noise_dim) ~ N(0, I) -> images (B, 784) in [-1, 1]."""
        x = self.dense(noise).view(-1, 7, 7, 64).permute(0, 3, 1, 2)  # (B, noise_dim) -> (B, 64, 7, 7)
        x = leaky_relu(self.norm1(x))
        x = self.conv1(x)  # -> (B, 32, 14, 14)
        x = leaky_relu(self.norm2(x))
        return torch.tanh(self.conv2(x)).flatten(1)  # -> (B, 784): images lie in [-1, 1]
