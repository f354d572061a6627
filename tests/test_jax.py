"""A fault of JAX on CPUs that this project goes around."""

import subprocess
import sys

import pytest

from tests.conftest import require_framework

# The gradient of a layer as in the generator, compiled and not: prints by how much the two differ, as a share
# of the largest. Arguments: a dtype, and LeakyReLU as it is written there.
CODE = """
import sys
import jax
import jax.numpy as jnp
import numpy as np

dtype, leaky_relu = sys.argv[1], eval(sys.argv[2])
jax.config.update("jax_enable_x64", dtype == "float64")
random = np.random.default_rng(0)
x = jnp.array(random.standard_normal((8, 7, 7, 64)), dtype)
kernel = jnp.array(random.standard_normal((4, 4, 32, 64)), dtype)
weights = jnp.array(random.standard_normal((8, 14, 14, 32)), dtype)

def layer(x):
    y = (x - x.mean((0, 1, 2))) / jnp.sqrt(x.var((0, 1, 2)) + 1e-5)
    layout = ("NHWC", "HWIO", "NHWC")
    y = jax.lax.conv_transpose(
        leaky_relu(y), kernel, (2, 2), "SAME", dimension_numbers=layout, transpose_kernel=True
    )
    return jnp.sum(jnp.tanh(y / 10) * weights)

exact, compiled = jax.grad(layer)(x), jax.jit(jax.grad(layer))(x)
print(float(jnp.abs(compiled - exact).max() / jnp.abs(exact).max()))
"""
MAXIMUM = "lambda x: jnp.maximum(0.2 * x, x)"
OURS = "lambda x: jax.nn.leaky_relu(x, 0.2)"  # which `ops.leaky_relu` is there


def error(dtype: str, leaky_relu: str) -> float:
    """Of the compiled gradient."""
    require_framework("Keras on JAX")
    command = [sys.executable, "-c", CODE, dtype, leaky_relu]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
def test_what_is_trained_with_is_compiled_right() -> None:
    assert error("float64", OURS) < 1e-12
    assert error("float32", OURS) < 1e-5
    assert error("float32", MAXIMUM) < 1e-5


@pytest.mark.slow
def test_jax_compiles_float64_wrongly() -> None:
    """LeakyReLU as a maximum, as TensorFlow has it here: jaxlib 0.10.2 makes a gradient that is 100% off."""
    assert error("float64", MAXIMUM) > 0.01, (
        "Hurrah! JAX compiles LeakyReLU as a maximum right now: this test can go."
    )
