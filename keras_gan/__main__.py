"""`python -m keras_gan train | generate`."""

import os
from dataclasses import replace
from functools import partial

from common.command_line.framework import Framework, Implementation, Place
from common.command_line.main import main
from common.engines import KERAS_BACKENDS
from common.errors import UsageError

BACKEND = os.environ.get("KERAS_BACKEND") or "tensorflow"


def load(devices: int = 1) -> Implementation:
    """Import Keras and its backend, to compute on so many devices.

    Raises:
        UsageError: there is no such backend, or not for several devices.
    """
    if BACKEND not in KERAS_BACKENDS:
        raise UsageError(f"KERAS_BACKEND must be one of {', '.join(KERAS_BACKENDS)}, not {BACKEND!r}.")
    title = KERAS_BACKENDS[BACKEND].title
    if devices > 1 and BACKEND == "torch":
        raise UsageError(
            f"{title} trains on one device here; for several use KERAS_BACKEND=jax or "
            "KERAS_BACKEND=tensorflow."
        )
    if devices > 1 and BACKEND == "tensorflow" and place().processes:
        raise UsageError(f"{title} trains in one process here; for several use KERAS_BACKEND=jax.")
    # Variables of Keras and JAX would change dtypes, random numbers, even the number of iterations. Those by
    # which processes find each other stay.
    for name in [*os.environ]:
        if name.startswith(("KERAS_", "JAX_")) and not name.startswith(
            ("KERAS_DISTRIBUTION_", "JAX_PLATFORMS")
        ):
            del os.environ[name]
    os.environ["KERAS_HOME"] = os.devnull  # where no keras.json is
    os.environ["KERAS_BACKEND"] = BACKEND
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no notices about what TensorFlow could also use
    # No more of a GPU's memory than it needs.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if devices > 1 and not place().processes:
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
        from keras_gan.distribution import engine

        implementation = replace(
            implementation,
            select_device=partial(engine.select, count=devices),
            make_gan=engine.make_gan,
            train=engine.train,
            from_first=engine.from_first,
        )
    return implementation


def place() -> Place:
    """What Keras' own variables say of the processes that train together.

    Raises:
        UsageError: they say something else.
    """
    names = ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")
    addresses, processes, number = (os.environ.get(f"KERAS_DISTRIBUTION_{name}", "") for name in names)
    if not (addresses or processes or number):
        return Place()
    try:
        int(addresses.split(",")[0].rpartition(":")[2])  # a port
        return Place(int(processes), range(int(processes))[int(number)])
    except (IndexError, ValueError):
        raise UsageError(
            "The environment's KERAS_DISTRIBUTION_JOB_ADDRESSES, KERAS_DISTRIBUTION_NUM_PROCESSES and "
            "KERAS_DISTRIBUTION_PROCESS_ID must say where the first process is, how many there are and which "
            "this is, as in first-machine:29500, 2 and 0; unset them to train in one process."
        ) from None


FRAMEWORK = Framework(KERAS_BACKENDS.get(BACKEND, KERAS_BACKENDS["tensorflow"]), load, place)

if __name__ == "__main__":
    main(FRAMEWORK)
