"""How good images are: every measure against what is computed by hand, by a formula, or by scikit-learn."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.neighbors import KernelDensity, NearestNeighbors

from common import checkpoint
from common.config import Config
from common.data import download, mnist
from common.errors import GanError
from common.feed import Purpose, draw_noise
from common.networks import networks as in_numpy
from common.quality import metrics
from common.quality.judge import Verdict, from_bytes
from common.quality.metrics import Quality, Reference
from pytorch_gan import variants


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


# Images ------------------------------------------------------------------------------------------


def test_images_are_those_of_pytorch() -> None:
    config = Config(seed=3, noise_dim=20)
    arrays = checkpoint.initial_arrays(config)
    arrays = {name: 2 * array for name, array in arrays.items()}  # so that the tanh bends
    noise = draw_noise(0, Purpose.METRIC_NOISE, 50, 20)
    _, generator = in_numpy(config)
    images = generator(arrays, noise)
    assert images.dtype == np.float32 and 0.5 < np.abs(images).max() <= 1
    expected = variants.generate_from(config, arrays, noise, torch.device("cpu"))
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_the_reference_is_mnist(mnist_dir: Path) -> None:
    reference = metrics.load_reference(mnist_dir)
    assert reference.train.shape == (60_000, 784) and reference.test.shape == (10_000, 784)
    assert reference.train.dtype == reference.test.dtype == np.uint8
    assert not np.array_equal(reference.train[:10_000], reference.test)


def test_without_mnist_there_is_no_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "ask_mirrors", lambda mirrors, file: ([], {}))
    with pytest.raises(GanError, match="MNIST is not in"):
        metrics.load_reference(tmp_path)


# Parzen windows ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.1, 1])
def test_log_densities_are_those_of_scikit_learn(sigma: float) -> None:
    samples, points = normal(0, 300, 5), normal(1, 600, 5)  # in more than one block
    # All in one leaf: between several, scikit-learn 1.9 loses the small densities to rounding
    expected = KernelDensity(bandwidth=sigma, leaf_size=300).fit(samples).score_samples(points)
    (found,) = metrics.log_densities(samples, points, np.array([sigma]))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_likelihood_of_one_window_is_a_gaussian() -> None:
    samples, test = np.zeros((1, 2), np.float32), np.array([[0, 0], [0.6, 0.8]], np.float32)
    # Points at distances 0 and 1: -|x|²/(2 sigma²) - log(2 pi sigma²). `validation` is all at the sample.
    mean, error, sigma = metrics.parzen_log_likelihood(samples, samples, test)
    assert sigma == 0.1  # the narrowest
    assert mean == pytest.approx(-25 - np.log(2 * np.pi * 0.01), rel=1e-6)
    assert error == pytest.approx(25 / np.sqrt(2), rel=1e-6)


def test_validation_chooses_the_width() -> None:
    for deviation in (0.2, 0.5):
        # Windows of a Gaussian's own width around its mean: no other width makes its draws likelier
        validation, test = (deviation * normal(seed, 400, 50) for seed in (0, 1))
        _, _, sigma = metrics.parzen_log_likelihood(np.zeros((3, 50), np.float32), validation, test)
        assert sigma == min(metrics.BANDWIDTHS, key=lambda width: abs(np.log(width / deviation)))


def test_real_images_reach_what_the_literature_says(mnist_dir: Path) -> None:
    """243 in Theis et al., 2016, table 1; ±2 is the standard error over the test images."""
    reference = metrics.load_reference(mnist_dir)
    mean, error, sigma = metrics.parzen_log_likelihood(
        from_bytes(reference.train[: metrics.SAMPLES]),
        from_bytes(reference.train[metrics.VALIDATION]),
        from_bytes(reference.test),
    )
    assert mean == pytest.approx(241.19, abs=0.02)
    assert error == pytest.approx(2.13, abs=0.02)
    assert sigma == pytest.approx(10 ** (-7 / 9))


# Nearest training images -------------------------------------------------------------------------


def test_nearest_images_are_those_of_scikit_learn() -> None:
    train = np.random.default_rng(0).integers(0, 256, (700, 784), np.uint8)
    samples = np.tanh(normal(1, 300, 784))
    indices, distances = metrics.nearest_training_images(samples, train, count=4)
    neighbours = NearestNeighbors(n_neighbors=4).fit(train / 255)
    expected, _ = neighbours.kneighbors((samples + 1) / 2)
    np.testing.assert_allclose(distances, expected, rtol=1e-5)
    # Not the indices: of two images that are equally far to rounding, either may be named.
    named = np.linalg.norm((samples[:, np.newaxis] + 1) / 2 - train[indices] / 255, axis=2)
    np.testing.assert_allclose(named, expected, rtol=1e-5)


def test_a_copied_image_has_no_distance() -> None:
    train = np.random.default_rng(0).integers(0, 256, (20, 784), np.uint8)
    indices, distances = metrics.nearest_training_images(mnist.normalise(train[[7, 3]]), train, count=1)
    assert indices.tolist() == [[7], [3]]
    np.testing.assert_allclose(distances, 0, atol=1e-5)


# What the judge sees -----------------------------------------------------------------------------


def certain(digits: np.ndarray) -> np.ndarray:
    """Probabilities of a judge that is sure."""
    return np.eye(10, dtype=np.float32)[digits]


def test_the_classifier_score_is_between_one_and_ten() -> None:
    assert metrics.classifier_score(certain(np.arange(200) % 10)) == pytest.approx(10)  # sharp and all digits
    assert metrics.classifier_score(certain(np.arange(200) % 4)) == pytest.approx(4)  # six digits are missing
    assert metrics.classifier_score(certain(np.zeros(200, int))) == pytest.approx(1)  # one digit only
    assert metrics.classifier_score(np.full((200, 10), 0.1, np.float32)) == pytest.approx(
        1
    )  # no digit at all


def test_the_classifier_score_by_hand() -> None:
    # The marginal is (5/8, 3/8): KL is log(8/5) for the first and (1/4) log(2/5) + (3/4) log 2 for the other
    probabilities = np.array([[1, 0], [0.25, 0.75]])
    expected = np.exp((np.log(8 / 5) + 0.25 * np.log(2 / 5) + 0.75 * np.log(2)) / 2)
    assert metrics.classifier_score(probabilities) == pytest.approx(expected)


def test_the_frechet_distance_of_known_gaussians() -> None:
    """Of N(m, A Aᵀ) and N(0, I): |m|² + Tr(A Aᵀ) + D - 2 Tr((A Aᵀ)^½)."""
    white = normal(0, 500, 4).astype(np.float64)
    white -= white.mean(axis=0)
    white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white, rowvar=False))).T  # covariance I, exactly
    mean, turn = np.array([1.0, -2, 0, 3]), np.linalg.qr(normal(1, 4, 4).astype(np.float64)).Q
    stretched = white * [0.5, 1, 2, 0] @ turn  # deviations 0.5, 1, 2 and 0 along turned axes
    expected = mean @ mean + (0.5**2 + 1 + 2**2) + 4 - 2 * (0.5 + 1 + 2)
    assert metrics.frechet_distance(stretched + mean, white) == pytest.approx(expected)
    assert metrics.frechet_distance(white, stretched + mean) == pytest.approx(expected)
    assert metrics.frechet_distance(stretched, stretched) == pytest.approx(0, abs=1e-6)


def test_the_frechet_distance_of_gaussians_that_do_not_commute() -> None:
    """Tr((A B)^½) of 2 x 2 matrices is (Tr(A B) + 2 det(A B)^½)^½."""
    a, b = normal(0, 900, 2) @ normal(2, 2, 2), normal(1, 800, 2) @ normal(3, 2, 2)
    c_a, c_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    difference = a.mean(axis=0) - b.mean(axis=0)
    root = np.sqrt(np.trace(c_a @ c_b) + 2 * np.sqrt(np.linalg.det(c_a @ c_b)))
    expected = difference @ difference + np.trace(c_a) + np.trace(c_b) - 2 * root
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)


# Precision and recall ----------------------------------------------------------------------------


def test_precision_and_recall_by_hand() -> None:
    real = np.array([[0], [1], [2], [3], [10]], np.float32)  # third neighbours at 3, 2, 2, 3 and 9
    samples = np.array([[-4], [4], [20], [21], [22]], np.float32)  # and at 25, 17, 16, 17 and 18
    # Of the samples 4 lies within 3 of 3, and none other near a real one but -4, 20, 21, 22: 20 - 10 > 9
    # Of the real ones all lie within 25 of -4
    assert metrics.precision_and_recall(samples, real) == (1 / 5, 1)
    # The other way around only what is near is precise
    assert metrics.precision_and_recall(real, samples) == (1, 1 / 5)


def two_clouds(seed: int) -> np.ndarray:
    cloud = normal(seed, 600, 8)
    cloud[::2] += 20
    return cloud


def test_the_same_distribution_has_both() -> None:
    precision, recall = metrics.precision_and_recall(two_clouds(0), two_clouds(1))
    assert precision > 0.8 and recall > 0.8


def test_a_dropped_mode_costs_recall() -> None:
    precision, recall = metrics.precision_and_recall(two_clouds(0)[::2], two_clouds(1))
    assert precision > 0.8 and 0.35 < recall < 0.5


def test_noise_costs_precision() -> None:
    samples = two_clouds(0)
    samples[:300] = 100 + 10 * normal(2, 300, 8)
    precision, recall = metrics.precision_and_recall(samples, two_clouds(1))
    assert 0.35 < precision <= 0.5 and recall > 0.7


# All of them -------------------------------------------------------------------------------------


@pytest.fixture
def digits(monkeypatch: pytest.MonkeyPatch) -> Reference:
    """Small digits: 1,397 to train on, the last 200 of them for the width of the windows, and 400 to test."""
    monkeypatch.setattr(metrics, "VALIDATION", slice(-200, None))
    images = mnist.scikit_learn_digits()
    (train, test), (train_labels, test_labels) = (
        np.split(one, [1_397]) for one in (images.pixels, images.labels)
    )
    return Reference(train, test, train_labels, test_labels)


def test_measures_survive_as_json(digits: Reference, capsys: pytest.CaptureFixture[str]) -> None:
    samples = mnist.normalise(digits.train[:300])
    quality = metrics.measure(samples, digits, "some digits")
    assert Quality(**json.loads(json.dumps(asdict(quality)))) == quality
    assert "some digits: 100%" in capsys.readouterr().err
    assert quality.neighbour_distance == pytest.approx(0, abs=1e-5)  # they are training images
    assert sum(quality.digit_shares) == pytest.approx(1)


def test_real_images_are_not_their_own_neighbours(digits: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "SAMPLES", 300)
    quality = metrics.measure_real(digits)
    assert 2 < quality.neighbour_distance < 8
    assert quality.precision > 0.5 and quality.recall > 0.5


def test_what_was_asked_for_is_compared_with_what_the_judge_says(
    digits: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = Verdict(certain(np.arange(100) % 10), normal(0, 100, 64))
    monkeypatch.setattr(metrics, "judge", lambda pixels: verdict)
    labels = np.arange(100) % 10
    labels[:25] += 1
    samples = np.zeros((100, mnist.PIXELS), np.float32)
    assert metrics.measure(samples, digits, "", labels).obeyed_share == 0.75
    assert metrics.measure(samples, digits, "").obeyed_share is None


def test_a_nearest_neighbour_classifier_learns_from_labelled_images(digits: Reference) -> None:
    learnt = mnist.normalise(digits.train)
    error = metrics.neighbour_error(learnt, digits.train_labels, digits)
    assert 0 < error < 0.06  # scikit-learn's KNeighborsClassifier makes as many mistakes
    shifted = (digits.train_labels + 1) % 10
    assert metrics.neighbour_error(learnt, shifted, digits) > 0.94
    assert metrics.neighbour_error(mnist.normalise(digits.test), digits.test_labels, digits) == 0


def test_what_the_judge_says_is_counted(digits: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    probabilities = certain(np.arange(400) % 5)  # five digits, 80 times each
    probabilities[:100] = 0.2 * probabilities[:100] + 0.08  # 100 of them with 0.28
    probabilities[100:104] = 0.9 * probabilities[100:104] + 0.01  # 0.91

    verdicts = [Verdict(probabilities, two_clouds(0)[:400:2]), Verdict(probabilities, two_clouds(1))]

    def judge(pixels: np.ndarray) -> Verdict:
        assert pixels.min() == 0 and pixels.max() == 1
        return verdicts.pop(0)  # of the samples, which lack a cloud, and of the test images

    monkeypatch.setattr(metrics, "judge", judge)
    quality = metrics.measure(mnist.normalise(digits.train[:400]), digits, "")
    assert quality.digit_shares == [0.2] * 5 + [0.0] * 5
    assert quality.digit_distance == pytest.approx(0.5)
    assert quality.confident_share == 0.75
    assert quality.frechet_distance > 8 * 10**2  # the means are 10 apart in each of 8 features
    assert quality.precision > 0.8 and quality.recall < 0.5
