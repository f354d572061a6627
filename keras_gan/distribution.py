"""The GAN on several devices: each has all weights, and its rows of every batch.

Keras distributes on JAX: an iteration stays one program on the whole batch, and XLA splits it into what each
device does. A mean over the batch is a mean over all devices, in gradients and statistics too, and `fit` does
the rest.
"""

import keras

from common.engines import KERAS_BACKENDS
from common.errors import UsageError
from common.machine.device import is_cpu, with_others
from keras_gan import device
from keras_gan.backends import backend


def select(name: str, count: int) -> str:
    """The first of `count` devices; from here on models and batches are on all of them.

    Raises:
        UsageError: see `device.select`; or there are not so many, or the backend is not JAX.
    """
    if keras.backend.backend() != "jax":
        raise UsageError(
            f"{KERAS_BACKENDS[keras.backend.backend()].title} trains on one device here; leave out "
            "--devices, or use KERAS_BACKEND=jax."
        )
    first = device.select(name)
    devices = with_others(first, count, backend.devices(), "JAX")
    if is_cpu(first):  # each of those for which it passes has a number
        devices = [f"cpu:{number}" for number in range(count)]
    keras.distribution.set_distribution(Rows(devices=devices))
    return first


class Rows(keras.distribution.DataParallel):
    """`DataParallel` with the rows of a batch on the last axis but one: a critic's first counts batches."""

    def get_data_layout(self, data_shape: tuple[int, ...]) -> keras.distribution.TensorLayout:
        """Where the rows of an array go; the seed of dropout, which has none, goes to all devices."""
        axes: list[str | None] = [None] * len(data_shape)
        if len(data_shape) > 1:
            axes[-2] = self.batch_dim_name
        return keras.distribution.TensorLayout(axes, self.device_mesh)
