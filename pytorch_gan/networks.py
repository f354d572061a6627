"""The two players: a discriminator that tells real images from generated ones, and a generator.

Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661.
"""

import numpy as np
import torch
from torch import Tensor, nn

from pytorch_gan.layers import Dropout, leaky_relu


class Discriminator(nn.Module):
    """Image x -> D(x), the probability that x is real.

    784-1024-512-256-1: 1,460,225 weights.
    """

    def __init__(self, dropout: float = 0.3, image_dim: int = 784) -> None:
        super().__init__()
        self.dense1 = nn.Linear(image_dim, 1024)
        self.dense2 = nn.Linear(1024, 512)
        self.dense3 = nn.Linear(512, 256)
        self.dense4 = nn.Linear(256, 1)
        self.dropout = Dropout(dropout)

    def logits(self, images: Tensor) -> Tensor:
        """Images (B, 784) in [-1, 1] -> log(D / (1 - D)) (B, 1): what the losses are computed from."""
        x = leaky_relu(self.dense1(images))  # (B, 784) -> (B, 1024)
        x = self.dropout(x)
        x = leaky_relu(self.dense2(x))  # -> (B, 512)
        x = self.dropout(x)
        x = leaky_relu(self.dense3(x))  # -> (B, 256)
        x = self.dropout(x)
        return self.dense4(x)  # -> (B, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 784) in [-1, 1] -> D(x) (B, 1) in [0, 1]."""
        return torch.sigmoid(self.logits(images))


class Generator(nn.Module):
    """Noise z -> image G(z).

    noise-256-512-1024-784: 1,486,352 weights for noise of 100 numbers.
    """

    def __init__(self, noise_dim: int = 100) -> None:
        super().__init__()
        self.dense1 = nn.Linear(noise_dim, 256)
        self.dense2 = nn.Linear(256, 512)
        self.dense3 = nn.Linear(512, 1024)
        self.dense4 = nn.Linear(1024, 784)

    def forward(self, noise: Tensor) -> Tensor:
        """Noise (B, noise_dim) ~ N(0, I) -> images (B, 784) in [-1, 1]."""
        x = leaky_relu(self.dense1(noise))  # (B, noise_dim) -> (B, 256)
        x = leaky_relu(self.dense2(x))  # -> (B, 512)
        x = leaky_relu(self.dense3(x))  # -> (B, 1024)
        return torch.tanh(self.dense4(x))  # -> (B, 784): images lie in [-1, 1]


def generate(generator: Generator, noise: np.ndarray) -> np.ndarray:
    """Noise float32 (N, noise_dim) -> images float32 (N, 784) in [-1, 1]."""
    device = next(generator.parameters()).device
    generator.eval()
    with torch.no_grad():
        images = generator(torch.tensor(noise, device=device)).cpu().numpy()
    generator.train()
    return images
