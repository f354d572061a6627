"""What each Keras backend needs of its own; networks, losses and training are written once for all three.

Only here: a training step written by hand meets the backend in the places below. Each branch defines the same
names; `compute`, `leaky_relu` and `adam_update` are the same on two backends and defined anew for the third.
"""

import math
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from typing import Any

import keras
from keras import ops

from common.errors import UsageError

Tensor = Any  # of whichever backend
Variables = list[keras.Variable]
Loss = Callable[[], tuple[Tensor, Tensor]]  # () -> the loss (), and the logits it was computed from

NAME = keras.backend.backend()


def compute(device: str) -> None:
    """Compute a little on `device`, as a trial."""
    with keras.device(device):
        x = ops.ones((2, 2))
        ops.convert_to_numpy(ops.tanh(ops.matmul(x, x)))


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


if NAME == "tensorflow":
    import tensorflow as tf

    TITLE, RECORD = "Keras on TensorFlow", {"tensorflow": tf.__version__}

    # On a GPU it would multiply float32 in TF32, with fewer digits than PyTorch does.
    tf.config.experimental.enable_tensor_float_32_execution(False)

    COMPILE_OPTIONS = {"run_eagerly": True}  # around the step, which `compiled` has XLA compile

    def hide_gpus() -> None:
        """Leave them to others: TensorFlow would take their memory all the same."""
        with suppress(RuntimeError):  # too late: a GPU was in use before
            tf.config.set_visible_devices([], "GPU")

    def devices() -> list[str]:
        """What `keras.device` takes here, the fastest first."""
        gpus = len(tf.config.list_physical_devices("GPU"))
        return [*(f"gpu:{number}" for number in range(gpus)), "cpu:0"]

    def compute(device: str) -> None:
        """Compute a little on `device`, as a trial."""
        with tf.device(device):
            x = tf.ones([2, 2])
            y = tf.function(lambda x: tf.tanh(x @ x), jit_compile=True)(x)
        if not y.device.lower().endswith(device):
            raise RuntimeError(f"it would quietly compute on {y.device}")
        y.numpy()

    def compiled(train_step: Callable[..., Any]) -> Callable[..., Any]:
        """`train_step(model, batch)` as `fit` calls it: with the number of a batch, see `fit_data`."""
        step = tf.function(train_step, jit_compile=True)

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
        """The loss, its logits, and its gradient for each of `weights`, which `model` has among others."""
        with tf.GradientTape() as tape:
            value, logits = loss()
        return value, logits, tape.gradient(value, [weight.value for weight in weights])

    def dropout(x: Tensor, rate: float, seed: Tensor) -> Tensor:
        """Each unit of `x` 0 or divided by 1 - rate, as the two integers of `seed` decide."""
        # Philox by name: what XLA chooses by itself on a CPU makes the iteration five times slower.
        return tf.nn.experimental.stateless_dropout(x, rate, seed, rng_alg="philox")

    def leaky_relu(x: Tensor, slope: float) -> Tensor:
        """max(x, slope · x). TensorFlow's own keeps its slope in float32: 0.2 becomes 0.20000000298."""
        return tf.maximum(slope * x, x)

elif NAME == "jax":
    import jax

    TITLE = "Keras on JAX"
    RECORD = {"jax": jax.__version__, "dropout_masks": "16 bits a unit"}  # before, runs had other masks

    # On a GPU it would multiply float32 in TF32, with fewer digits than PyTorch does.
    jax.config.update("jax_default_matmul_precision", "float32")
    # Threefry computes two numbers at a time, and by default JAX throws one away.
    jax.config.update("jax_threefry_partitionable", False)

    COMPILE_OPTIONS = {}  # by default Keras has XLA compile the step

    def hide_gpus() -> None:
        """Leave them to others: JAX would start all of them to look what is there."""
        jax.config.update("jax_platforms", "cpu")

    def devices() -> list[str]:
        """What `keras.device` takes here, the fastest first.

        Raises:
            UsageError: the environment's JAX_PLATFORMS leaves nothing.
        """
        try:
            found = jax.devices()
        except (AssertionError, RuntimeError) as error:
            reason = str(error).partition("\n")[0] or "there is none"
            if platforms := os.environ.get("JAX_PLATFORMS"):
                raise UsageError(
                    f"JAX cannot compute on JAX_PLATFORMS={platforms} here ({reason}); unset that, or set it "
                    "to cpu."
                ) from None
            print(f"Notice: JAX cannot compute on a GPU here ({reason}); it takes the CPU.", file=sys.stderr)
            jax.config.update("jax_platforms", "cpu")
            found = jax.devices()
        with suppress(RuntimeError):  # JAX_PLATFORMS may leave it out
            found += jax.devices("cpu")
        return [*dict.fromkeys(f"{device.platform}:{device.id}" for device in found)]

    def compiled(train_step: Callable[..., Any]) -> Callable[..., Any]:
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
        """The loss, its logits, and its gradient for each of `weights`, which `model` has among others."""

        def stateless_loss(values: list[Tensor]) -> tuple[Any, Any]:
            before = [(one, one.value) for one in model.variables]
            with keras.StatelessScope(before + list(zip(weights, values, strict=True))) as scope:
                value, logits = loss()
            return value, (logits, [scope.get_current_value(one) for one in model.non_trainable_variables])

        gradient = jax.value_and_grad(stateless_loss, has_aux=True)
        (value, (logits, after)), gradients = gradient([weight.value for weight in weights])
        for variable, new in zip(model.non_trainable_variables, after, strict=True):
            variable.assign(new)  # the seeds that dropout has used up
        return value, logits, gradients

    def dropout(x: Tensor, rate: float, seed: Tensor) -> Tensor:
        """Each unit of `x` 0 or divided by 1 - rate, as the two integers of `seed` decide."""
        # A quarter of the time of `bernoulli`, which draws 32 bits for each unit.
        levels = jax.random.bits(jax.random.wrap_key_data(seed), x.shape, "uint16")
        return jax.numpy.where(levels >= round(rate * 2**16), x / (1 - rate), 0)

else:
    import torch
    from torch.optim.adam import adam

    TITLE, RECORD = "Keras on PyTorch", {"torch": torch.__version__}

    # Else a variable could have a GPU multiply float32 in TF32, with fewer digits.
    torch.set_float32_matmul_precision("highest")

    COMPILE_OPTIONS = {}

    def hide_gpus() -> None:
        """PyTorch leaves them to others by itself."""

    def devices() -> list[str]:
        """What `keras.device` takes here, the fastest first."""
        gpus = torch.accelerator.device_count()
        return [*(f"{torch.accelerator.current_accelerator()}:{number}" for number in range(gpus)), "cpu"]

    def compiled(train_step: Callable[..., Any]) -> Callable[..., Any]:
        """`train_step(model, batch)` as `fit` calls it: PyTorch compiles nothing."""
        return train_step

    def fit_data(model: keras.Model, batches: keras.utils.PyDataset) -> Any:
        """What to `fit` with: the batches."""
        return batches

    def value_and_gradients(model: keras.Model, loss: Loss, weights: Variables) -> tuple[Any, Any, Any]:
        """The loss, its logits, and its gradient for each of `weights`, which `model` has among others."""
        value, logits = loss()
        gradients = torch.autograd.grad(value, [weight.value for weight in weights])
        return value.detach(), logits.detach(), gradients

    def dropout(x: Tensor, rate: float, seed: Tensor) -> Tensor:
        """Each unit of `x` 0 or divided by 1 - rate, as the two integers of `seed` decide."""
        # On a CPU a quarter of the time of `bernoulli_`: 64 random bits serve four units.
        first, second = seed.tolist()  # on a CPU, PyTorch seeds with the low 32 bits alone
        generator = torch.Generator(x.device).manual_seed((first << 32) + second)
        bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64, device=x.device)
        levels = bits.random_(-(2**63), None, generator=generator).view(torch.int16)[: x.numel()]
        keep = levels.view(x.shape) >= round(rate * 2**16) - 2**15  # uniform in [-2**15, 2**15)
        return x * keep.to(x.dtype).div_(1 - rate)

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
        """The same, in PyTorch's fused kernel: one pass over the weights, where these lines are a dozen."""
        adam(
            [weight.value],
            [g],
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
