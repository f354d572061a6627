"""The loop that a framework's own tutorial writes, beside which its training is measured."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from benchmarks.work import Product, Work


class PlainLoop(NamedTuple):
    """A module of this folder."""

    module: str
    products: Callable[[Work], list[Product]] = Work.ours  # or others, where it does more or less


PLAIN_LOOPS = {  # title of the engine -> its loop; with JAX, Keras' guides have no GAN
    "PyTorch": PlainLoop("plain_pytorch", partial(Work.nothing_cut, judged_together=False)),
    "TensorFlow": PlainLoop("plain_tensorflow", Work.from_one_noise),
    "Keras on TensorFlow": PlainLoop("plain_keras_tensorflow"),
    "Keras on PyTorch": PlainLoop("plain_keras_pytorch", partial(Work.nothing_cut, judged_together=True)),
}
PLAIN_LOOPS_OF_DCGAN = {  # where a framework has a tutorial of its own for it
    **PLAIN_LOOPS,
    "PyTorch": PlainLoop("plain_pytorch_dcgan", Work.one_noise_detached),
}
