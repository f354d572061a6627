"""The framework's arrays <-> the exchange format of `common/checkpoint.py`: weights, moments, averages."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from common.checkpoint import Arrays, Checkpoint

if TYPE_CHECKING:
    from pytorch_gan.training import GAN

# What PyTorch's layers call their arrays -> what the exchange format does.
NAMES = {"weight": "kernel", "bias": "bias"}
NORM_NAMES = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "running_mean",
    "running_var": "running_variance",
}
# Dimensions -> axes in the order of the exchange format: kernels are (out, in) here and (in, out) there,
# (out, in, height, width) and (height, width, in, out), transposed ones with in and out exchanged in both.
AXES = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}


def named_weights(network: nn.Module, name: str) -> Iterator[tuple[str, Tensor]]:
    """The weights under the names of the exchange format: `discriminator.dense1.kernel` and so on."""
    for layer_name, layer in network.named_children():
        names = NORM_NAMES if isinstance(layer, nn.BatchNorm2d) else NAMES
        for attribute, weight_name in names.items():
            weight = getattr(layer, attribute, None)
            if weight is not None:
                yield f"{name}.{layer_name}.{weight_name}", weight


def to_array(weight: Tensor) -> np.ndarray:
    """A copy as the exchange format has it."""
    return weight.detach().permute(AXES[weight.dim()]).cpu().numpy().copy(order="C")


def to_tensor(array: np.ndarray, like: Tensor) -> Tensor:
    """The inverse of `to_array`, with the dtype and on the device of `like`.

    Only here: in the other frameworks arrays are as in the exchange format.
    """
    back = np.argsort(AXES[array.ndim])
    return torch.tensor(array.transpose(back)).to(like)


def load_weights(network: nn.Module, name: str, arrays: Arrays) -> None:
    """Set the weights of `network` to those in a checkpoint's `arrays`."""
    with torch.no_grad():
        for weight_name, weight in named_weights(network, name):
            weight.copy_(to_tensor(arrays[weight_name], like=weight))


def named_state(gan: "GAN") -> Iterator[tuple[str, Tensor]]:
    """All that a checkpoint keeps, under its name: weights, Adam's moments, averages."""
    for name, network, optimizer in (
        ("discriminator", gan.discriminator, gan.d_optimizer),
        ("generator", gan.generator, gan.g_optimizer),
    ):
        for weight_name, weight in named_weights(network, name):
            yield weight_name, weight
            if weight.requires_grad:  # not a running statistic
                adam_state = optimizer.state[weight]  # empty before the first update
                yield f"{weight_name}.adam_m", adam_state.setdefault("exp_avg", torch.zeros_like(weight))
                yield f"{weight_name}.adam_v", adam_state.setdefault("exp_avg_sq", torch.zeros_like(weight))
                adam_state.setdefault("step", torch.tensor(0.0, device=weight.device))
    if gan.average:
        for weight_name, average in named_weights(gan.average.module, "generator"):
            if average.requires_grad:
                yield f"{weight_name}.average", average


def to_arrays(gan: "GAN") -> Arrays:
    """Everything of `named_state`, in the exchange format."""
    return {name: to_array(tensor) for name, tensor in named_state(gan)}


def load_arrays(gan: "GAN", start: Checkpoint) -> None:
    """Take over the state of a checkpoint; the inverse of `to_arrays`."""
    state = dict(named_state(gan))
    with torch.no_grad():
        for name, array in start.arrays.items():
            state[name].copy_(to_tensor(array, like=state[name]))
    for optimizer, updates in ((gan.d_optimizer, start.d_updates), (gan.g_optimizer, start.iteration)):
        for adam_state in optimizer.state.values():
            adam_state["step"].fill_(updates)
    if gan.average:
        gan.average.n_averaged.fill_(start.iteration)
