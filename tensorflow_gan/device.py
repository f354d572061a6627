"""Where TensorFlow computes."""

from contextlib import suppress

import tensorflow as tf

from common.machine.device import choose, is_cpu


def select(name: str) -> str:
    """The device called `name`, as `tf.device` takes it; `auto` is a GPU that can compute, else the CPU.

    Raises:
        UsageError: TensorFlow has no such device here, or it cannot compute.
    """
    # On a GPU it would multiply float32 in TF32, with fewer digits than PyTorch does.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    if is_cpu(name):
        with suppress(RuntimeError):  # too late: a GPU was in use before
            tf.config.set_visible_devices([], "GPU")  # TensorFlow would take their memory all the same
    return choose(name, devices(), compute, "TensorFlow")


def devices() -> list[str]:
    """All there are, the fastest first. Only here and in PyTorch: in Keras a backend's."""
    gpus = len(tf.config.list_physical_devices("GPU"))
    return [*(f"gpu:{number}" for number in range(gpus)), "cpu:0"]


def compute(device: str) -> None:
    """Compute a little on `device`, as a trial. Only here and in PyTorch: in Keras a backend's."""
    with tf.device(device):
        x = tf.ones([2, 2])
        y = tf.function(lambda x: tf.tanh(x @ x), jit_compile=True)(x)
    if not y.device.lower().endswith(device):
        raise RuntimeError(f"it would quietly compute on {y.device}")
    y.numpy()


def environment(device: str) -> dict[str, str]:
    """What to keep in the record of a run: version and hardware."""
    kind, _, number = device.partition(":")
    if kind == "gpu":
        physical = tf.config.list_physical_devices("GPU")[int(number)]
        name = tf.config.experimental.get_device_details(physical).get("device_name", "")
        kind = f"{device} {name}".rstrip()
    return {"tensorflow": tf.__version__, "device": kind}
