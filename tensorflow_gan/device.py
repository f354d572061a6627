"""Where TensorFlow computes."""

import tensorflow as tf

from common.errors import UsageError


def select(name: str) -> str:
    """The device called `name`, as `tf.device` takes it; `auto` is a GPU, else the CPU.

    Raises:
        UsageError: TensorFlow has no such device here.
    """
    # On a GPU it would multiply float32 in TF32, with fewer digits than PyTorch does.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    gpus = len(tf.config.list_physical_devices("GPU"))
    wanted = name.lower().replace("cuda", "gpu")  # TensorFlow's word for it
    for device in [*(f"gpu:{number}" for number in range(gpus)), "cpu:0"]:
        if wanted in ("auto", device, device.partition(":")[0]):
            return device
    raise UsageError(f"TensorFlow has no --device {name} here; use auto, or cpu, which is always there.")


def environment(device: str) -> dict[str, str]:
    """What to keep in the record of a run: version and hardware."""
    kind, _, number = device.partition(":")
    gpu = ""
    if kind == "gpu":
        physical = tf.config.list_physical_devices("GPU")[int(number)]
        gpu = tf.config.experimental.get_device_details(physical).get("device_name", "")
    return {"tensorflow": tf.__version__, "device": " ".join(filter(None, [kind, gpu]))}
