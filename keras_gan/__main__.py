"""`python -m keras_gan train | generate`."""

import os
from dataclasses import replace
from functools import partial

from common.command_line.framework import Framework, Implementation
from common.command_line.main import main
from common.engines import KERAS_BACKENDS
from common.errors import UsageError

BACKEND = os.environ.get("KERAS_BACKEND") or "tensorflow"


def load(devices: int = 1) -> Implementation:
    """Import Keras and its backend, to compute on so many devices.

    Raises:
        UsageError: there is no such backend.
    """
    if BACKEND not in KERAS_BACKENDS:
        raise UsageError(f"KERAS_BACKEND must be one of {', '.join(KERAS_BACKENDS)}, not {BACKEND!r}.")
    # Variables of Keras and JAX would change dtypes, random numbers, even the number of iterations.
    for name in [*os.environ]:
        if name.startswith(("KERAS_", "JAX_")) and name != "JAX_PLATFORMS":
            del os.environ[name]
    os.environ["KERAS_HOME"] = os.devnull  # where no keras.json is
    os.environ["KERAS_BACKEND"] = BACKEND
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no notices about what TensorFlow could also use
    # No more of a GPU's memory than it needs.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if devices > 1:
        os.environ["JAX_NUM_CPU_DEVICES"] = str(devices)  # for which the CPU passes
    from keras_gan import device, training, variants

    implementation = Implementation(
        select_device=device.select,
        environment=device.environment,
        make_gan=variants.make_gan,
        train=training.train,
        generate=variants.generate_from,
    )
    if devices > 1:
        from keras_gan import distribution

        implementation = replace(
            implementation,
            select_device=partial(distribution.select, count=devices),
        )
    return implementation


FRAMEWORK = Framework(KERAS_BACKENDS.get(BACKEND, KERAS_BACKENDS["tensorflow"]), load)

if __name__ == "__main__":
    main(FRAMEWORK)
