"""The limit: what an iteration cannot do without, alone: its matrix products, and one pass of Adam.

In PyTorch, with all outputs allocated beforehand. Adam reads weight, gradient and both moments of every
weight, and writes all but the gradient: 82 MB at step 1.
"""

import json
import sys
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.pace import paced
from benchmarks.work import Product, Work
from common.config import Config
from common.networks import Network, networks


def product(one: Product) -> Callable[[], Tensor]:
    """A call that computes it; kernels are (fan_out, fan_in), as PyTorch keeps them."""
    of, rows, fan_in, fan_out = one
    x, y, kernel = torch.randn(rows, fan_in), torch.randn(rows, fan_out), torch.randn(fan_out, fan_in)
    match of:
        case "output":
            return partial(torch.mm, x, kernel.t(), out=y)
        case "weight gradients":
            return partial(torch.mm, y.t(), x, out=kernel)
        case "input gradients":
            return partial(torch.mm, y, kernel, out=x)


def adam(network: Network, config: Config) -> Callable[[], object]:
    """A call that updates all weights of a network in one pass."""
    weights = [torch.randn(weight.shape) for weight in network.weights.values()]
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    return torch.optim.Adam(weights, config.lr, (config.beta1, config.beta2), fused=True).step


def main(settings: str) -> None:
    config = Config(**json.loads(settings))
    discriminator, generator = networks(config)
    calls: list[Callable[[], object]] = [
        *map(product, Work(config).ours()),
        *[adam(discriminator, config)] * config.critic_steps,
        adam(generator, config),
    ]
    for _ in paced():
        for call in calls:
            call()


if __name__ == "__main__":
    main(sys.argv[1])
