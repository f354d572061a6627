"""The trainings that are measured, and what each is compared with."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from benchmarks.work import Product, Work


class Engine(NamedTuple):
    """One of our trainings, and the loop that its framework's own tutorial writes."""

    package: str
    keras_backend: str = ""
    plain: str = ""  # module
    plain_products: Callable[[Work], list[Product]] = Work.ours  # or others, where it does more or less


ENGINES = {
    "PyTorch": Engine(
        "pytorch_gan",
        plain="plain_pytorch",
        plain_products=partial(Work.nothing_cut, judged_together=False),
    ),
    "TensorFlow": Engine("tensorflow_gan", plain="plain_tensorflow", plain_products=Work.from_one_noise),
    "Keras on TensorFlow": Engine("keras_gan", "tensorflow", plain="plain_keras_tensorflow"),
    "Keras on JAX": Engine("keras_gan", "jax"),
    "Keras on PyTorch": Engine(
        "keras_gan",
        "torch",
        plain="plain_keras_pytorch",
        plain_products=partial(Work.nothing_cut, judged_together=True),
    ),
}
