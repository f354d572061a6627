"""Iteration number -> real images, noise for the discriminator step, noise for the generator step.

Everything random in a run is a pure function of (seed, purpose, iteration), computed by NumPy's
counter-based generator Philox (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
So a resumed run needs no saved generator state, and every framework sees the same numbers.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np

from common.config import Config
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
    MIXING = 8
    STATISTICS_NOISE = 9


def random_stream(seed: int, purpose: Purpose, index: int = 0) -> np.random.Generator:
    """The stream number `index` of `purpose`: 2**192 blocks long, so no two of them meet."""
    key = np.array([seed, purpose], dtype=np.uint64)
    counter = np.array([0, 0, 0, index], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def draw_noise(seed: int, purpose: Purpose, count: int, noise_dim: int, index: int = 0) -> np.ndarray:
    """`count` vectors z ~ N(0, I): float32 (count, noise_dim)."""
    stream = random_stream(seed, purpose, index)
    return stream.standard_normal((count, noise_dim), dtype=np.float32)


def with_labels(rows: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Images or noises with their labels behind them, as one-hot numbers; without classes as they are.

    Args:
        rows: float32 (B, n).
        labels: integers (B,), below `classes`.

    Returns:
        float32 (B, n + classes).
    """
    if not classes:
        return rows
    one_hot = labels[:, np.newaxis] == np.arange(classes)
    return np.concatenate([rows, one_hot.astype(np.float32)], axis=1)


def in_every_class(noise: np.ndarray, classes: int) -> np.ndarray:
    """Each noise once with every label, for a picture with a row for each noise and a column for each class.

    Without classes as it is.

    Args:
        noise: float32 (N, noise_dim).

    Returns:
        float32 (N · classes, noise_dim + classes).
    """
    if not classes:
        return noise
    labels = np.tile(np.arange(classes), len(noise))
    return with_labels(np.repeat(noise, classes, axis=0), labels, classes)


@lru_cache(maxsize=2)  # a batch spans two epochs at most
def image_order(seed: int, epoch: int, image_count: int) -> np.ndarray:
    """The order in which `epoch` shows the images: a permutation, int64 (image_count,)."""
    return random_stream(seed, Purpose.IMAGE_ORDER, epoch).permutation(image_count)


class Batch(NamedTuple):
    """What one iteration consumes, all float32. With labels each row has `classes` numbers more."""

    real_images: np.ndarray  # (batch_size, 784) in [-1, 1]
    d_noise: np.ndarray  # (batch_size, noise_dim), for the discriminator step
    g_noise: np.ndarray  # (batch_size, noise_dim), for the generator step


class CriticBatches(NamedTuple):
    """What one iteration of a Wasserstein GAN consumes: a batch for each of its critic steps."""

    real_images: np.ndarray  # (critic_steps, batch_size, 784)
    d_noise: np.ndarray  # (critic_steps, batch_size, noise_dim)
    g_noise: np.ndarray  # (batch_size, noise_dim)
    mixing: np.ndarray  # (critic_steps, batch_size, 1), uniform in [0, 1): the shares of the real images


AnyBatch = TypeVar("AnyBatch", Batch, CriticBatches)


@dataclass(frozen=True)
class Feed:
    """The batches of a run. Iterations, and batches of real images, count from 0."""

    config: Config
    images: np.ndarray  # uint8 (N, 784)
    labels: np.ndarray  # integers (N,)
    device: int = 0  # which of several takes its share: the first of them the first rows of a batch
    devices: int = 1

    def image_indices(self, number: int) -> np.ndarray:
        """Which images batch n takes: positions [n·B, (n+1)·B) of all epochs laid end to end."""
        seed, first = self.config.seed, number * self.config.batch_size
        epochs, offsets = np.divmod(np.arange(first, first + self.config.batch_size), len(self.images))
        orders = [
            image_order(seed, int(epoch), len(self.images))[offsets[epochs == epoch]]
            for epoch in range(epochs[0], epochs[-1] + 1)
        ]
        return np.concatenate(orders)

    def batch(self, iteration: int) -> Batch | CriticBatches:
        """Real images and noises of one iteration; a noise has the label of the image in the same row."""
        steps = self.config.critic_steps
        numbers = range(steps * iteration, steps * (iteration + 1))
        indices = [self.image_indices(number) for number in numbers]
        real_images = [self.labelled(normalise(self.images[one]), one) for one in indices]
        d_noise = [
            self.noise(Purpose.DISCRIMINATOR_NOISE, number, one)
            for number, one in zip(numbers, indices, strict=True)
        ]
        g_noise = self.noise(Purpose.GENERATOR_NOISE, iteration, indices[-1])
        if self.config.loss != "wasserstein":
            return self.rows(Batch(real_images[0], d_noise[0], g_noise))
        mixing = [
            random_stream(self.config.seed, Purpose.MIXING, number).random(
                (self.config.batch_size, 1), dtype=np.float32
            )
            for number in numbers
        ]
        return self.rows(CriticBatches(np.stack(real_images), np.stack(d_noise), g_noise, np.stack(mixing)))

    def noise(self, purpose: Purpose, index: int, images: np.ndarray) -> np.ndarray:
        """A batch of noises, with the labels of these images."""
        config = self.config
        return self.labelled(
            draw_noise(config.seed, purpose, config.batch_size, config.noise_dim, index), images
        )

    def labelled(self, rows: np.ndarray, images: np.ndarray) -> np.ndarray:
        """`rows` with the labels of these images."""
        return with_labels(rows, self.labels[images], self.config.classes)

    def rows(self, batch: AnyBatch) -> AnyBatch:
        """Those of this device."""
        return type(batch)(*(np.split(array, self.devices, axis=-2)[self.device] for array in batch))

    def dropout_seed(self, iteration: int) -> int:
        """What seeds the framework's own generator in one iteration, on this device: below 2**63."""
        stream = random_stream(self.config.seed, Purpose.DROPOUT, iteration)
        return int(stream.integers(2**63, size=1 + self.device)[self.device])


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
