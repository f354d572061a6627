"""The floor: the matrix products that one iteration cannot avoid, alone, outputs preallocated."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from benchmarks.pace import paced
from common.checkpoint import DISCRIMINATOR_WIDTHS, GENERATOR_HIDDEN_WIDTHS
from common.config import Config
from common.mnist import PIXELS

Product = tuple[Tensor, Tensor, Tensor]  # left, right, out


class Network:
    """The matrices of a network and of what flows through it; each method lists matrix products."""

    def __init__(self, widths: Sequence[int]) -> None:
        self.kernels = [torch.randn(fan_out, fan_in) for fan_in, fan_out in pairwise(widths)]

    def forward(self, rows: int) -> list[Product]:
        """The output y = x W' of every layer."""
        return [
            (torch.randn(rows, kernel.shape[1]), kernel.t(), torch.empty(rows, kernel.shape[0]))
            for kernel in self.kernels
        ]

    def weight_gradients(self, rows: int) -> list[Product]:
        """(dL/dy)' x of every layer."""
        return [
            (
                torch.randn(rows, kernel.shape[0]).t(),
                torch.randn(rows, kernel.shape[1]),
                torch.empty_like(kernel),
            )
            for kernel in self.kernels
        ]

    def input_gradients(self, rows: int, first_layer: int = 0) -> list[Product]:
        """(dL/dy) W of every layer from `first_layer` on."""
        return [
            (torch.randn(rows, kernel.shape[0]), kernel, torch.empty(rows, kernel.shape[1]))
            for kernel in self.kernels[first_layer:]
        ]


def products(batch_size: int, noise_dim: int) -> list[Product]:
    """The matrix products of one iteration, in its order."""
    discriminator = Network(DISCRIMINATOR_WIDTHS)
    generator = Network((noise_dim, *GENERATOR_HIDDEN_WIDTHS, PIXELS))
    return [
        # The discriminator step: generate, judge real and generated images, improve D.
        *generator.forward(batch_size),
        *discriminator.forward(2 * batch_size),
        *discriminator.weight_gradients(2 * batch_size),
        *discriminator.input_gradients(2 * batch_size, first_layer=1),
        # The generator step: generate, judge, carry the gradient through D, improve G.
        *generator.forward(batch_size),
        *discriminator.forward(batch_size),
        *discriminator.input_gradients(batch_size),
        *generator.weight_gradients(batch_size),
        *generator.input_gradients(batch_size, first_layer=1),
    ]


def gigaflop(batch_size: int, noise_dim: int) -> float:
    """Multiplications and additions of one iteration, in 10**9: 2.04 at batch 64 and noise 100."""
    return (
        sum(
            2 * left.shape[0] * left.shape[1] * right.shape[1]
            for left, right, _ in products(batch_size, noise_dim)
        )
        / 1e9
    )


def main() -> None:
    config = Config()
    calls = [
        partial(torch.mm, left, right, out=out)
        for left, right, out in products(config.batch_size, config.noise_dim)
    ]
    for _ in paced():
        for call in calls:
            call()


if __name__ == "__main__":
    main()
