"""What several backends have in common."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Tensor = Any  # of whichever backend
Variables = list[keras.Variable]
Loss = Callable[[], tuple[Tensor, Any]]  # () -> the loss (), and what else was computed: tensors


def compute(device: str) -> None:
    """Compute a little on `device`, as a trial."""
    with keras.device(device):
        x = ops.ones((2, 2))
        ops.convert_to_numpy(ops.tanh(ops.matmul(x, x)))


def transposed_convolution(x: Tensor, kernel: Tensor) -> Tensor:
    """4 x 4 with stride 2: (B, height, width, in) and (4, 4, out, in) -> (B, 2 height, 2 width, out)."""
    return ops.conv_transpose(x, kernel, strides=2, padding="same")


def normalise_batch(x: Tensor, norm: keras.layers.Layer) -> Tensor:
    """Each channel of `x` by its own mean and variance, which the running ones of `norm` follow."""
    mean, variance = ops.mean(x, axis=(0, 1, 2)), ops.var(x, axis=(0, 1, 2))
    m = math.prod(x.shape[:-1])
    unbiased = m / (m - 1) * variance  # as in algorithm 2
    for running, batch in ((norm.running_mean, mean), (norm.running_variance, unbiased)):
        running.assign(norm.momentum * running + (1 - norm.momentum) * batch)
    return norm.gamma * (x - mean) / ops.sqrt(variance + norm.epsilon) + norm.beta


def leaky_relu(x: Tensor, slope: float) -> Tensor:
    """max(x, slope · x)."""
    return ops.leaky_relu(x, slope)


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
    """Update number t of `weight` and its moments, with the gradient `g`. XLA makes one pass of it."""
    m.assign(beta1 * m + (1 - beta1) * g)
    v.assign(beta2 * v + (1 - beta2) * g**2)
    m_hat = m / bias_correction(beta1, t)
    v_hat = v / bias_correction(beta2, t)
    weight.assign_sub(lr * m_hat / (ops.sqrt(v_hat) + epsilon))


def bias_correction(beta: float, t: Tensor) -> Tensor:
    """1 - beta^t, in a form that does not lose digits in float32 (log 0 is left out)."""
    return -ops.expm1(t * math.log(beta)) if beta > 0 else 1.0
