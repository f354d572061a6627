"""The two players: a discriminator that tells real images from generated ones, and a generator.

Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661.
"""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common.checkpoint import Arrays

SLOPE = 0.2  # LeakyReLU(x) = max(x, 0.2 x)


def leaky_relu(x: Tensor) -> Tensor:
    """Any shape -> the same shape, written over `x`, of which the backward pass needs the sign alone."""
    return F.leaky_relu(x, SLOPE, inplace=True)


class Dropout(nn.Dropout):
    """`nn.Dropout`, with its mask drawn from 64-bit random integers on the CPU, where that is faster.

    There `nn.Dropout` draws a number for each unit, one after the other, which on an AMD processor takes as
    long as the layer's matrix product. Here 64 random bits serve four units, in a quarter of the time.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same shape: each unit 0 or divided by 1 - p."""
        if x.device.type != "cpu" or not self.training or self.p == 0:
            return super().forward(x)
        bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        levels = bits.view(torch.int16)[: x.numel()].view(x.shape)  # uniform in [-2**15, 2**15)
        keep = levels >= round(self.p * 2**16) - 2**15
        return x * keep.to(x.dtype).div_(1 - self.p)


class Discriminator(nn.Module):
    """Image x -> D(x), the probability that x is real.

    784-1024-512-256-1: 1,460,225 weights.
    """

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.dense1 = nn.Linear(784, 1024)
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


def named_weights(network: nn.Module, name: str) -> Iterator[tuple[str, Tensor]]:
    """The weights under the names of the exchange format: `discriminator.dense1.kernel` and so on."""
    for path, weight in network.named_parameters():
        yield f"{name}.{path.replace('weight', 'kernel')}", weight


def to_array(weight: Tensor) -> np.ndarray:
    """A copy as the exchange format has it: kernels (in, out), where nn.Linear has (out, in)."""
    return weight.detach().t().cpu().numpy().copy(order="C")


def to_tensor(array: np.ndarray, like: Tensor) -> Tensor:
    """The inverse of `to_array`, with the dtype and on the device of `like`.

    Only here: in the other frameworks kernels are (in, out) too.
    """
    return torch.tensor(array).t().contiguous().to(like)


def load_weights(network: nn.Module, name: str, arrays: Arrays) -> None:
    """Set the weights of `network` to those in a checkpoint's `arrays`."""
    with torch.no_grad():
        for weight_name, weight in named_weights(network, name):
            weight.copy_(to_tensor(arrays[weight_name], like=weight))


def generate(generator: Generator, noise: np.ndarray) -> np.ndarray:
    """Noise float32 (N, noise_dim) -> images float32 (N, 784) in [-1, 1]."""
    device = next(generator.parameters()).device
    with torch.no_grad():
        return generator(torch.tensor(noise, device=device)).cpu().numpy()


def generate_from(arrays: Arrays, noise: np.ndarray, device: torch.device) -> np.ndarray:
    """`generate` with the generator whose weights are in a checkpoint's `arrays`."""
    generator = Generator(noise.shape[1]).to(device)
    load_weights(generator, "generator", arrays)
    return generate(generator, noise)
