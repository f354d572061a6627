"""Keras on JAX."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from typing import Any

import jax
import keras
from keras import ops

from common.errors import UsageError
from keras_gan.backends import shared
from keras_gan.backends.shared import (
    Loss,
    Tensor,
    Variables,
    adam_update,
    compute,
    leaky_relu,
    normalise_batch,
)

__all__ = ["adam_update", "compute", "leaky_relu", "normalise_batch"]  # as they are for others, too

RECORD = {"jax": jax.__version__, "dropout_masks": "16 bits a unit"}  # before, runs had other masks

# On a GPU it would multiply float32 in TF32, with fewer digits than PyTorch does.
jax.config.update("jax_default_matmul_precision", "float32")
# Threefry computes two numbers at a time, and by default JAX throws one away.
jax.config.update("jax_threefry_partitionable", False)

RUN_EAGERLY = False  # Keras has XLA compile the step


def hide_gpus() -> None:
    """Leave them to others: JAX would start all of them to look what is there."""
    jax.config.update("jax_platforms", "cpu")


def devices() -> list[str]:
    """What `keras.device` takes here, the fastest first.

    Raises:
        UsageError: the environment's JAX_PLATFORMS leaves nothing.
    """
    try:
        found = [*jax.local_devices()]
    except (AssertionError, RuntimeError) as error:
        reason = str(error).partition("\n")[0] or "there is none"
        if platforms := os.environ.get("JAX_PLATFORMS"):
            raise UsageError(
                f"JAX cannot compute on JAX_PLATFORMS={platforms} here ({reason}); unset that, or set it "
                "to cpu."
            ) from None
        print(f"Notice: JAX cannot compute on a GPU here ({reason}); it takes the CPU.", file=sys.stderr)
        jax.config.update("jax_platforms", "cpu")
        found = [*jax.local_devices()]
    with suppress(RuntimeError):  # JAX_PLATFORMS may leave it out
        found += jax.local_devices(backend="cpu")
    return [*dict.fromkeys(f"{device.platform}:{device.id}" for device in found)]


def gpu_name(device: str) -> str:
    """What its maker calls it."""
    kind, _, number = device.partition(":")
    return next(one.device_kind for one in jax.local_devices(backend=kind) if one.id == int(number))


def for_fit(train_step: Callable[..., Any]) -> Callable[..., Any]:
    """`train_step(model, batch)` as `fit` calls it: as a function from state to state."""

    def stateless_train_step(model: keras.Model, state: Any, batch: Any) -> tuple[Any, Any]:
        groups = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
        before = zip(chain(*groups), chain(*state), strict=True)
        with keras.StatelessScope(before) as scope:
            logs = train_step(model, batch)
        return logs, tuple([scope.get_current_value(one) for one in group] for group in groups)

    return stateless_train_step


def fit_data(model: keras.Model, batches: keras.utils.PyDataset) -> Any:
    """What to `fit` with: the batches."""
    return batches


def value_and_gradients(model: keras.Model, loss: Loss, weights: Variables) -> tuple[Any, Any, Any]:
    """The loss, what came with it, and its gradient for each of `weights`, some of `model`'s."""

    def stateless_loss(values: list[Tensor]) -> tuple[Any, Any]:
        before = [(one, one.value) for one in model.variables]
        with keras.StatelessScope(before + list(zip(weights, values, strict=True))) as scope:
            value, more = loss()
        return value, (more, [scope.get_current_value(one) for one in model.non_trainable_variables])

    gradient = jax.value_and_grad(stateless_loss, has_aux=True)
    (value, (more, after)), gradients = gradient([weight.value for weight in weights])
    for variable, new in zip(model.non_trainable_variables, after, strict=True):
        variable.assign(new)  # the seeds that dropout has used up, and running statistics
    return value, more, gradients


def input_gradients(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The gradient of each row of `function(x)` for its row of `x`, itself to be differentiated."""
    return jax.grad(lambda x: jax.numpy.sum(function(x)))(x)


def dropout(x: Tensor, rate: float, seed: Tensor) -> Tensor:
    """Each unit of `x` 0 or divided by 1 - rate, as the two integers of `seed` decide."""
    # A quarter of the time of `bernoulli`, which draws 32 bits for each unit.
    levels = jax.random.bits(jax.random.wrap_key_data(seed), x.shape, "uint16")
    return jax.numpy.where(levels >= round(rate * 2**16), x / (1 - rate), 0)


def transposed_convolution(x: Tensor, kernel: Tensor) -> Tensor:
    """As in shared.py; but JAX would take ten times as long for the gradient of the kernel."""

    @jax.custom_vjp
    def transposed(x: Tensor, kernel: Tensor) -> Tensor:
        return shared.transposed_convolution(x, kernel)

    def forward(x: Tensor, kernel: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return transposed(x, kernel), (x, kernel)

    def backward(saved: tuple[Tensor, Tensor], gradient: Tensor) -> tuple[Tensor, Tensor]:
        # It is the transpose of this convolution, which has both.
        x, kernel = saved
        x_gradient, kernel_gradients = jax.vjp(
            lambda kernel: ops.conv(gradient, kernel, strides=2, padding="same"), kernel
        )
        return x_gradient, kernel_gradients(x)[0]

    transposed.defvjp(forward, backward)
    return transposed(x, kernel)
