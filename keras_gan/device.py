"""Where Keras computes."""

import keras

from common.engines import KERAS_BACKENDS
from common.machine.device import choose, is_cpu
from keras_gan.backends import backend


def select(name: str) -> str:
    """The device called `name`, as `keras.device` takes it; `auto` is a GPU that can compute, else the CPU.

    Raises:
        UsageError: Keras' backend has no such device here, or it cannot compute.
    """
    title = KERAS_BACKENDS[keras.backend.backend()].title
    if is_cpu(name):
        backend.hide_gpus()
    return choose(name, backend.devices(), backend.compute, title)


def environment(device: str) -> dict[str, str]:
    """What to keep in the record of a run: versions and hardware."""
    gpu = "" if is_cpu(device) else backend.gpu_name(device)
    return {
        "keras": keras.__version__,
        "keras_backend": keras.backend.backend(),
        **backend.RECORD,
        "device": " ".join(filter(None, [device, gpu])),
    }
