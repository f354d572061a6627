"""How good a generator's images are, in numbers: NumPy alone, whatever framework trained it.

Each measure compares 10,000 generated images with real ones of MNIST. Images come in as a generator makes
them, float32 in [-1, 1]; they are measured as pixels, float32 in [0, 1], as in the papers. What each measure
is worth is told in docs/en/measures.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from common.data import mnist
from common.quality.judge import CLASSES, from_bytes, judge

SAMPLES = 10_000
LABELLED_SAMPLES = 50_000  # that a nearest-neighbour classifier learns from, as in arXiv:1511.06434
BANDWIDTHS = np.logspace(-1, 0, 10)  # of the Parzen windows, to choose from
VALIDATION = slice(-10_000, -9_000)  # of the training images: MNIST's 50,000 to 50,999
CONFIDENT = 0.9  # probability of the likeliest digit
SPHERE_NEIGHBOURS = 3  # k of precision and recall
NEIGHBOUR_SAMPLES = 2_000  # whose nearest training images are sought: enough for a mean, and it takes long
BLOCK = 250  # rows of a distance matrix at a time: 60 MB against 60,000 images


@dataclass(frozen=True)
class Reference:
    """Real images, uint8 (N, 784)."""

    train: np.ndarray  # what the generator has seen
    test: np.ndarray  # what it has not: the measures compare with these
    train_labels: np.ndarray  # integers (N,)
    test_labels: np.ndarray


@dataclass(frozen=True)
class Quality:
    """How good a set of images is; "judge": with the network of `judge.py` in place of Inception."""

    parzen_mean: float  # nats per test image, higher is better; Goodfellow et al., arXiv:1406.2661
    parzen_error: float  # nats: the standard error of that mean
    parzen_sigma: float  # width of the windows, in pixels
    classifier_score: float  # 1 to 10, best 10; judge; Salimans et al., arXiv:1606.03498
    frechet_distance: float  # best 0; judge; Heusel et al., arXiv:1706.08500
    digit_shares: list[float]  # of 0, 1, ... 9, best 0.1 each; judge
    digit_distance: float  # 0 to 0.9, best 0: total variation distance of the shares from 0.1 each
    confident_share: float  # 0 to 1, best 1: images with a digit of probability 0.9 or more; judge
    precision: float  # 0 to 1, best 1: share of these images that look real; judge; arXiv:1904.06991
    recall: float  # 0 to 1, best 1: share of the real images that could be made; judge; the same paper
    neighbour_distance: float  # Euclidean, in pixels: mean to the nearest training image; 0 is copied
    obeyed_share: float | None = None  # 0 to 1, best 1: images of the digit asked for, if any was; judge
    neighbour_error: float | None = None  # 0 to 1, best as real: see the function of that name


def load_reference(data_dir: Path) -> Reference:
    """MNIST's 60,000 training and 10,000 test images.

    Raises:
        GanError: they are damaged, cannot be read, or cannot be had.
    """
    train, test = (
        mnist.load_published(source, data_dir) for source in (mnist.PUBLISHED["mnist"], mnist.MNIST_TEST)
    )
    return Reference(train.pixels, test.pixels, train.labels, test.labels)


def measure_real(reference: Reference) -> Quality:
    """What real images reach: the first 10,000 training images, with the others as the training set."""
    samples = mnist.normalise(reference.train[:LABELLED_SAMPLES])
    others = replace(reference, train=reference.train[SAMPLES:])
    return replace(
        measure(samples[:SAMPLES], others, "real images"),
        neighbour_error=neighbour_error(samples, reference.train_labels[:LABELLED_SAMPLES], reference),
    )


def measure(
    samples: np.ndarray, reference: Reference, title: str, labels: np.ndarray | None = None
) -> Quality:
    """Every measure of `samples`; a progress bar shows `title`.

    Args:
        samples: float32 (10,000, 784) in [-1, 1].
        labels: the digits that the generator was asked for, integers (10,000,), if it was.
    """
    with tqdm(total=4, desc=title, unit="step") as progress:
        pixels, test = from_generator(samples), from_bytes(reference.test)
        probabilities, features = judge(pixels)
        _, test_features = judge(test)
        shares = digit_shares(probabilities)
        score, frechet = classifier_score(probabilities), frechet_distance(features, test_features)
        progress.update()
        precision, recall = precision_and_recall(features, test_features)
        progress.update()
        validation = from_bytes(reference.train[VALIDATION])
        parzen_mean, parzen_error, parzen_sigma = parzen_log_likelihood(pixels, validation, test)
        progress.update()
        _, distances = nearest_training_images(samples[:NEIGHBOUR_SAMPLES], reference.train, count=1)
        progress.update()
    return Quality(
        parzen_mean=parzen_mean,
        parzen_error=parzen_error,
        parzen_sigma=parzen_sigma,
        classifier_score=score,
        frechet_distance=frechet,
        digit_shares=shares.tolist(),
        digit_distance=float(np.abs(shares - 1 / CLASSES).sum() / 2),
        confident_share=float((probabilities.max(axis=1) >= CONFIDENT).mean()),
        precision=precision,
        recall=recall,
        neighbour_distance=float(distances.mean()),
        obeyed_share=None if labels is None else float((probabilities.argmax(axis=1) == labels).mean()),
    )


def from_generator(images: np.ndarray) -> np.ndarray:
    """Images float32 in [-1, 1] -> pixels float32 in [0, 1]."""
    return (images + 1) / 2


def squared_distances(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """|a_i - b_j|² for all i and j, some rows i at a time: float32 (rows, len(b)).

    As |a|² + |b|² - 2 a·b, one matrix product; its rounding errors are about 1e-6 of |a|² + |b|².

    Args:
        a: float32 (N, D).
        b: float32 (M, D).
    """
    b_squares = np.square(b).sum(axis=1)
    for start in range(0, len(a), BLOCK):
        rows = slice(start, start + BLOCK)
        block = a[rows] @ b.T
        block *= -2
        block += b_squares
        block += np.square(a[rows]).sum(axis=1, keepdims=True)
        yield rows, np.maximum(block, 0, out=block)


# Pixels -----------------------------------------------------------------------------------------


def parzen_log_likelihood(
    samples: np.ndarray, validation: np.ndarray, test: np.ndarray
) -> tuple[float, float, float]:
    """Mean log-likelihood of `test`, its standard error, and the width of the windows.

    The density is a Gaussian window around each sample, log p(x) = log mean_i N(x; s_i, sigma² I), as in
    Goodfellow et al., 2014, section 5; sigma is the one of `BANDWIDTHS` that `validation` finds likeliest.

    Args:
        samples, validation, test: float32 (N, D), (V, D) and (M, D).
    """
    sigma = BANDWIDTHS[log_densities(samples, validation, BANDWIDTHS).mean(axis=1).argmax()]
    (log_likelihoods,) = log_densities(samples, test, np.array([sigma]))
    error = log_likelihoods.std() / np.sqrt(len(test))
    return float(log_likelihoods.mean()), float(error), float(sigma)


def log_densities(samples: np.ndarray, points: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """log mean_i N(x; s_i, sigma² I) of every point x in nats, for every sigma: float64 (len(sigmas), M)."""
    log_density = np.empty((len(sigmas), len(points)))
    for rows, squares in squared_distances(points, samples):
        nearest = squares.min(axis=1)
        squares -= nearest[:, np.newaxis]  # so that the largest exponent is 0
        for row, sigma in zip(log_density, sigmas, strict=True):
            windows = np.exp(squares * np.float32(-0.5 / sigma**2))
            row[rows] = np.log(windows.mean(axis=1, dtype=np.float64)) - nearest / (2 * sigma**2)
    return log_density - samples.shape[1] / 2 * np.log(2 * np.pi * sigmas[:, np.newaxis] ** 2)


def nearest_training_images(
    samples: np.ndarray, train: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The training images nearest to each sample, nearest first, and their Euclidean distances in pixels.

    Args:
        samples: float32 (N, 784) in [-1, 1].
        train: uint8 (M, 784).
        count: how many for each sample.

    Returns:
        Indices into `train`, int64 (N, count), and distances, float32 (N, count).
    """
    pixels, train_pixels = from_generator(samples), from_bytes(train)
    indices = np.empty((len(samples), count), np.int64)
    for rows, squares in squared_distances(pixels, train_pixels):
        candidates = squares.argpartition(count - 1, axis=1)[:, :count]
        order = np.take_along_axis(squares, candidates, axis=1).argsort(axis=1)
        indices[rows] = np.take_along_axis(candidates, order, axis=1)
    distances = np.linalg.norm(pixels[:, np.newaxis] - train_pixels[indices], axis=2)
    return indices, distances


def neighbour_error(samples: np.ndarray, labels: np.ndarray, reference: Reference) -> float:
    """The share of test images whose nearest sample was to be another digit.

    It is the error of a nearest-neighbour classifier that learnt from samples alone (Radford et al., 2015,
    arXiv:1511.06434, appendix).

    Args:
        samples: float32 (N, 784) in [-1, 1].
        labels: the digits that they were to be, integers (N,).
    """
    wrong = 0
    for rows, squares in squared_distances(from_bytes(reference.test), from_generator(samples)):
        wrong += int((labels[squares.argmin(axis=1)] != reference.test_labels[rows]).sum())
    return wrong / len(reference.test)


# What the judge sees ----------------------------------------------------------------------------


def classifier_score(probabilities: np.ndarray) -> float:
    """exp(E KL(p(y|x) || p(y))), Salimans et al., 2016, section 4: 1 to the number of classes.

    Args:
        probabilities: p(y|x), float (N, classes).
    """
    p = probabilities.astype(np.float64)
    marginal = p.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / marginal), 0)  # 0 log 0 is 0
    return float(np.exp(terms.sum(axis=1).mean()))


def digit_shares(probabilities: np.ndarray) -> np.ndarray:
    """The share of images judged to be each digit: probabilities (N, 10) -> float64 (10,)."""
    return np.bincount(probabilities.argmax(axis=1), minlength=CLASSES) / len(probabilities)


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """|m_a - m_b|² + Tr(C_a + C_b - 2 (C_a C_b)^½), Heusel et al., 2017, equation 6.

    Between Gaussians with the means m and covariances C of the features `a` and `b`, float (N, D) and (M, D).
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    difference = a.mean(axis=0) - b.mean(axis=0)
    c_a, c_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = square_root(c_a)
    # The same eigenvalues as C_a C_b, but symmetric
    trace = np.trace(square_root(root @ c_b @ root))
    return float(difference @ difference + np.trace(c_a) + np.trace(c_b) - 2 * trace)


def square_root(matrix: np.ndarray) -> np.ndarray:
    """The square root of a symmetric matrix without negative eigenvalues but for rounding."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def precision_and_recall(samples: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """Share of `samples` among the real ones, and share of `real` among the samples.

    A point is among others if it lies in the sphere around one of them that reaches to that one's third
    nearest neighbour: Kynkäänniemi et al., 2019, equations 1 to 3.

    Args:
        samples, real: float32 (N, D) and (M, D).
    """
    sample_radii, real_radii = squared_radii(samples), squared_radii(real)
    precise, recalled = np.zeros(len(samples), bool), np.zeros(len(real), bool)
    for rows, squares in squared_distances(samples, real):
        precise[rows] = (squares <= real_radii).any(axis=1)
        recalled |= (squares <= sample_radii[rows, np.newaxis]).any(axis=0)
    return float(precise.mean()), float(recalled.mean())


def squared_radii(points: np.ndarray) -> np.ndarray:
    """Of every point, the squared distance to the third nearest of the others: float32 (N,)."""
    radii = np.empty(len(points), np.float32)
    for rows, squares in squared_distances(points, points):
        radii[rows] = np.partition(squares, SPHERE_NEIGHBOURS, axis=1)[:, SPHERE_NEIGHBOURS]  # 0: itself
    return radii
