"""Iteration number -> real images, noise for the discriminator step, noise for the generator step.

Everything random in a run is a pure function of (seed, purpose, iteration), computed by NumPy's
counter-based generator Philox (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
So a resumed run needs no saved generator state, and every framework sees the same numbers.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from common.data.mnist import normalise


class Purpose(IntEnum):
    """What random numbers are for; each purpose has streams of its own."""

    IMAGE_ORDER = 0
    DISCRIMINATOR_NOISE = 1
    GENERATOR_NOISE = 2
    DROPOUT = 3
    INITIAL_WEIGHTS = 4
    SAMPLE_NOISE = 5
    GENERATED_NOISE = 6
    METRIC_NOISE = 7


def random_stream(seed: int, purpose: Purpose, index: int = 0) -> np.random.Generator:
    """The stream number `index` of `purpose`: 2**192 blocks long, so no two of them meet."""
    key = np.array([seed, purpose], dtype=np.uint64)
    counter = np.array([0, 0, 0, index], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def draw_noise(seed: int, purpose: Purpose, count: int, noise_dim: int, index: int = 0) -> np.ndarray:
    """`count` vectors z ~ N(0, I): float32 (count, noise_dim)."""
    stream = random_stream(seed, purpose, index)
    return stream.standard_normal((count, noise_dim), dtype=np.float32)


@lru_cache(maxsize=2)  # a batch spans two epochs at most
def image_order(seed: int, epoch: int, image_count: int) -> np.ndarray:
    """The order in which `epoch` shows the images: a permutation, int64 (image_count,)."""
    return random_stream(seed, Purpose.IMAGE_ORDER, epoch).permutation(image_count)


class Batch(NamedTuple):
    """What one iteration consumes, all float32."""

    real_images: np.ndarray  # (batch_size, 784) in [-1, 1]
    d_noise: np.ndarray  # (batch_size, noise_dim), for the discriminator step
    g_noise: np.ndarray  # (batch_size, noise_dim), for the generator step


@dataclass(frozen=True)
class Feed:
    """The batches of a run. Iterations count from 0."""

    images: np.ndarray  # uint8 (N, 784)
    batch_size: int
    noise_dim: int
    seed: int

    def image_indices(self, iteration: int) -> np.ndarray:
        """Which images iteration t takes: positions [t·B, (t+1)·B) of all epochs laid end to end."""
        first = iteration * self.batch_size
        epochs, offsets = np.divmod(np.arange(first, first + self.batch_size), len(self.images))
        orders = [
            image_order(self.seed, int(epoch), len(self.images))[offsets[epochs == epoch]]
            for epoch in range(epochs[0], epochs[-1] + 1)
        ]
        return np.concatenate(orders)

    def batch(self, iteration: int) -> Batch:
        """The real images and both noises of one iteration."""

        def noise(purpose: Purpose) -> np.ndarray:
            return draw_noise(self.seed, purpose, self.batch_size, self.noise_dim, iteration)

        return Batch(
            real_images=normalise(self.images[self.image_indices(iteration)]),
            d_noise=noise(Purpose.DISCRIMINATOR_NOISE),
            g_noise=noise(Purpose.GENERATOR_NOISE),
        )

    def dropout_seed(self, iteration: int) -> int:
        """What seeds the framework's own generator in one iteration: below 2**63."""
        return int(random_stream(self.seed, Purpose.DROPOUT, iteration).integers(2**63))


def interpolate_noise(seed: int, count: int, noise_dim: int) -> np.ndarray:
    """`count` noises on the way from one to another: float32 (count, noise_dim).

    Spherical interpolation, slerp(a, b; s) = [sin((1-s)w) a + sin(s w) b] / sin w with w the angle
    between a and b (White, "Sampling Generative Networks", 2016, section 2.1): a straight line would
    pass through vectors much shorter than any the generator was trained on.
    """
    start, end = draw_noise(seed, Purpose.GENERATED_NOISE, 2, noise_dim).astype(np.float64)
    cosine = start @ end / (np.linalg.norm(start) * np.linalg.norm(end))
    angle = np.arccos(np.clip(cosine, -1, 1))
    share = np.linspace(0, 1, count)[:, np.newaxis]
    if np.isclose(np.sin(angle), 0):  # on one line, as two noises of one number each always are
        return ((1 - share) * start + share * end).astype(np.float32)
    path = (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)
    return path.astype(np.float32)
