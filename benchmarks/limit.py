"""The limit: what an iteration cannot do without, alone: products, convolutions, and one pass of Adam.

In PyTorch, the outputs of products allocated beforehand. Adam reads weight, gradient and both moments of
every weight, and writes all but the gradient: 82 MB at step 1.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.pace import paced
from benchmarks.work import Product, Work
from common.config import Config
from common.networks import (
    KERNEL,
    PADDING,
    STRIDE,
    Convolution,
    Dense,
    Network,
    TransposedConvolution,
    networks,
)


def product(one: Product) -> Callable[[], Any]:
    """A call that computes it, in the layout that PyTorch is fastest with."""
    if isinstance(one.layer, Dense):
        return dense_product(one.of, one.images, one.layer)
    return convolution(one.of, one.images, one.layer)


def dense_product(of: str, rows: int, layer: Dense) -> Callable[[], Any]:
    """Kernels are (fan_out, fan_in), as PyTorch keeps them."""
    x, y = torch.randn(rows, layer.fan_in), torch.randn(rows, layer.fan_out)
    kernel = torch.randn(layer.fan_out, layer.fan_in)
    match of:
        case "output":
            return partial(torch.mm, x, kernel.t(), out=y)
        case "weight gradients":
            return partial(torch.mm, y.t(), x, out=kernel)
    return partial(torch.mm, y, kernel, out=x)


def convolution(of: str, images: int, layer: Convolution | TransposedConvolution) -> Callable[[], Any]:
    """Its outputs cannot be allocated beforehand. In memory, channels are last."""
    transposed = isinstance(layer, TransposedConvolution)
    channels = (
        (layer.channels_in, layer.channels_out) if transposed else (layer.channels_out, layer.channels_in)
    )
    x = channels_last(images, layer.channels_in, layer.size, layer.size)
    kernel = channels_last(*channels, KERNEL, KERNEL)
    settings = ([STRIDE, STRIDE], [PADDING, PADDING], [1, 1], transposed, [0, 0], 1)
    forward = partial(torch.convolution, x, kernel, None, *settings)
    if of == "output":
        return forward
    asked = [of == "input gradients", of == "weight gradients", False]
    return partial(
        torch.ops.aten.convolution_backward, torch.randn_like(forward()), x, kernel, None, *settings, asked
    )


def channels_last(*shape: int) -> Tensor:
    """Random numbers."""
    return torch.randn(*shape).to(memory_format=torch.channels_last)


def adam(network: Network, config: Config) -> Callable[[], object]:
    """A call that updates all weights of a network in one pass."""
    weights = [torch.randn(weight.shape) for weight in network.weights.values() if weight.trained]
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
