"""Keras on PyTorch."""

from collections.abc import Callable
from typing import Any

import keras
import torch
from torch.optim.adam import adam

from keras_gan.backends.shared import Loss, Tensor, Variables, compute, leaky_relu

__all__ = ["compute", "leaky_relu"]  # as they are for others, too

RECORD = {"torch": torch.__version__}

# Else a GPU would convolve float32 in TF32, with fewer digits, and a variable could have it multiply so.
torch.set_float32_matmul_precision("highest")
torch.backends.cudnn.allow_tf32 = False

RUN_EAGERLY = False  # it runs so all the same


def hide_gpus() -> None:
    """PyTorch leaves them to others by itself."""


def devices() -> list[str]:
    """What `keras.device` takes here, the fastest first."""
    gpus = torch.accelerator.device_count()
    return [*(f"{torch.accelerator.current_accelerator()}:{number}" for number in range(gpus)), "cpu"]


def gpu_name(device: str) -> str:
    """What its maker calls it."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else ""


def for_fit(train_step: Callable[..., Any]) -> Callable[..., Any]:
    """`train_step(model, batch)` as `fit` calls it: PyTorch compiles nothing."""
    return train_step


def fit_data(model: keras.Model, batches: keras.utils.PyDataset) -> Any:
    """What to `fit` with: the batches."""
    return batches


def value_and_gradients(model: keras.Model, loss: Loss, weights: Variables) -> tuple[Any, Any, Any]:
    """The loss, what came with it, and its gradient for each of `weights`, some of `model`'s."""
    value, more = loss()
    gradients = torch.autograd.grad(value, [weight.value for weight in weights])
    return value.detach(), keras.tree.map_structure(torch.detach, more), gradients


def input_gradients(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The gradient of each row of `function(x)` for its row of `x`, itself to be differentiated."""
    x.requires_grad_()
    return torch.autograd.grad(function(x).sum(), x, create_graph=True)[0]


def dropout(x: Tensor, rate: float, seed: Tensor) -> Tensor:
    """Each unit of `x` 0 or divided by 1 - rate, as the two integers of `seed` decide."""
    # On a CPU a quarter of the time of `bernoulli_`: 64 random bits serve four units.
    first, second = seed.tolist()  # on a CPU, PyTorch seeds with the low 32 bits alone
    generator = torch.Generator(x.device).manual_seed((first << 32) + second)
    bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64, device=x.device)
    levels = bits.random_(-(2**63), None, generator=generator).view(torch.int16)[: x.numel()]
    keep = levels.view(x.shape) >= round(rate * 2**16) - 2**15  # uniform in [-2**15, 2**15)
    return x * keep.to(x.dtype).div_(1 - rate)


def transposed_convolution(x: Tensor, kernel: Tensor) -> Tensor:
    """As in shared.py; Keras' own pads its input and crops what it makes, each with a copy."""
    y = torch.conv_transpose2d(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), stride=2, padding=1)
    return y.permute(0, 2, 3, 1)


def normalise_batch(x: Tensor, norm: keras.layers.Layer) -> Tensor:
    """As in shared.py, by PyTorch's own: those lines are a dozen passes over `x`."""
    y = torch.nn.functional.batch_norm(
        x.permute(0, 3, 1, 2),
        norm.running_mean.value,
        norm.running_variance.value,
        norm.gamma.value,
        norm.beta.value,
        training=True,
        momentum=1 - norm.momentum,  # the share of what is new
        eps=norm.epsilon,
    )
    return y.permute(0, 2, 3, 1)


@torch.no_grad()
def adam_update(
    weight: keras.Variable,
    m: keras.Variable,
    v: keras.Variable,
    g: Tensor,
    *,
    t: Tensor,
    lr: Tensor,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    """As in shared.py, by PyTorch's fused kernel: one pass over the weights; those lines are a dozen."""
    adam(
        [weight.value],
        [g.contiguous()],  # that of a convolution is not; the kernel goes through memory
        [m.value],
        [v.value],
        [],
        [t - 1],  # which it counts up
        fused=True,
        amsgrad=False,
        beta1=beta1,
        beta2=beta2,
        lr=float(lr),
        weight_decay=0,
        eps=epsilon,
        maximize=False,
    )
