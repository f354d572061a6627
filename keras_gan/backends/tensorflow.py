"""Keras on TensorFlow."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import keras
import tensorflow as tf

from keras_gan.backends.shared import (
    Loss,
    Tensor,
    Variables,
    adam_update,
    normalise_batch,
    transposed_convolution,
)

__all__ = ["adam_update", "normalise_batch", "transposed_convolution"]  # as they are for others, too

RECORD = {"tensorflow": tf.__version__}

# On a GPU it would multiply float32 in TF32, with fewer digits than PyTorch does.
tf.config.experimental.enable_tensor_float_32_execution(False)

RUN_EAGERLY = True  # around the step, which `for_fit` has XLA compile


def hide_gpus() -> None:
    """Leave them to others: TensorFlow would take their memory all the same."""
    with suppress(RuntimeError):  # too late: a GPU was in use before
        tf.config.set_visible_devices([], "GPU")


def devices() -> list[str]:
    """What `keras.device` takes here, the fastest first."""
    gpus = len(tf.config.list_physical_devices("GPU"))
    return [*(f"gpu:{number}" for number in range(gpus)), "cpu:0"]


def gpu_name(device: str) -> str:
    """What its maker calls it."""
    physical = tf.config.list_physical_devices("GPU")[int(device.partition(":")[2])]
    return tf.config.experimental.get_device_details(physical).get("device_name", "")


def compute(device: str) -> None:
    """Compute a little on `device`, as a trial."""
    with tf.device(device):
        x = tf.ones([2, 2])
        y = tf.function(lambda x: tf.tanh(x @ x), jit_compile=True)(x)
    if not y.device.lower().endswith(device):
        raise RuntimeError(f"it would quietly compute on {y.device}")
    y.numpy()


def for_fit(train_step: Callable[..., Any]) -> Callable[..., Any]:
    """`train_step(model, batch)` as `fit` calls it: with the number of a batch, see `fit_data`."""
    step = tf.function(train_step, jit_compile=True)

    @wraps(train_step)  # several devices take it out again: XLA cannot compile what they do
    def fetch_and_step(model: keras.Model, number: Tensor) -> Any:
        return step(model, model.batches[int(number)])

    return fetch_and_step


def fit_data(model: keras.Model, batches: keras.utils.PyDataset) -> Any:
    """What to `fit` with: the numbers of the batches.

    Drawn in one of tf.data's threads, as Keras has it, batches disturb XLA's threads so much that an
    iteration takes up to twice as long on two cores.
    """
    model.batches = batches
    return tf.data.Dataset.range(len(batches))


def value_and_gradients(model: keras.Model, loss: Loss, weights: Variables) -> tuple[Any, Any, Any]:
    """The loss, what came with it, and its gradient for each of `weights`, some of `model`'s."""
    with tf.GradientTape() as tape:
        value, more = loss()
    return value, more, tape.gradient(value, [weight.value for weight in weights])


def input_gradients(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The gradient of each row of `function(x)` for its row of `x`, itself to be differentiated."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)


def dropout(x: Tensor, rate: float, seed: Tensor) -> Tensor:
    """Each unit of `x` 0 or divided by 1 - rate, as the two integers of `seed` decide."""
    # Philox by name: what XLA chooses by itself on a CPU makes the iteration five times slower.
    return tf.nn.experimental.stateless_dropout(x, rate, seed, rng_alg="philox")


def leaky_relu(x: Tensor, slope: float) -> Tensor:
    """max(x, slope · x). TensorFlow's own keeps its slope in float32: 0.2 becomes 0.20000000298."""
    return tf.maximum(slope * x, x)
