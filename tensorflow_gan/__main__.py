"""`python -m tensorflow_gan train | generate`."""

import json
import os
from dataclasses import replace
from functools import partial

from common.command_line.framework import Framework, Implementation, Place
from common.command_line.main import main
from common.engines import ENGINES
from common.errors import UsageError


def load(devices: int = 1) -> Implementation:
    """Import TensorFlow, to compute on so many devices."""
    # Else TensorFlow would import Keras, and stop at whatever is wrong in Keras' settings.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ["KERAS_HOME"] = os.devnull  # where no keras.json is
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no notices about what it could also use
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # no more of a GPU's memory than it needs
    from tensorflow_gan import device, training, variants

    implementation = Implementation(
        select_device=device.select,
        environment=device.environment,
        make_gan=variants.make_gan,
        train=training.train,
        generate=variants.generate_from,
    )
    if devices > 1:
        from tensorflow_gan import distribution

        implementation = replace(
            implementation,
            select_device=partial(distribution.select, count=devices),
            make_gan=distribution.make_gan,
            train=distribution.train,
            from_first=distribution.from_first,
        )
    return implementation


def place() -> Place:
    """What the environment's TF_CONFIG says of the workers.

    Raises:
        UsageError: it says something else.
    """
    try:
        config = json.loads(os.environ.get("TF_CONFIG") or "{}")
        workers = config.get("cluster", {}).get("worker", [])
        return Place(len(workers), int(config.get("task", {}).get("index", 0)))
    except (AttributeError, TypeError, ValueError):
        raise UsageError(
            "The environment's TF_CONFIG must name workers and this one's index, as in "
            '{"cluster": {"worker": ["a:29500", "b:29500"]}, "task": {"type": "worker", "index": 0}}; unset '
            "it to train in one process."
        ) from None


FRAMEWORK = Framework(ENGINES["TensorFlow"], load, place)

if __name__ == "__main__":
    main(FRAMEWORK)
