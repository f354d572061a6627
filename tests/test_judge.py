"""The judge: its file, what it knows, and how it is made."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors
from sklearn.neural_network import MLPClassifier

from common import judge as training
from common.checkpoint import Arrays
from common.data import mnist
from common.data.mnist import IMAGE_SIZE, PIXELS
from common.quality import judge


@pytest.fixture(scope="module")
def digits() -> mnist.Images:
    """Six hundred small ones."""
    digits = mnist.scikit_learn_digits()
    return replace(digits, pixels=digits.pixels[:600], labels=digits.labels[:600])


# The file ----------------------------------------------------------------------------------------


def test_the_file_is_small_and_says_how_it_was_made() -> None:
    assert judge.FILE.stat().st_size < 1.5e6
    with safetensors.safe_open(judge.FILE, framework="numpy") as file:
        metadata = file.metadata()
    assert metadata["command"] == "python -m common.judge"
    assert float(metadata["test_accuracy"]) >= 0.985
    assert {"seed", "python", "numpy", "scikit-learn", "cpu"} <= metadata.keys()


def test_the_judge_knows_the_test_images(mnist_dir: Path) -> None:
    test_images = mnist.load_published(mnist.MNIST_TEST, mnist_dir)
    known = judge.accuracy(judge.judge_arrays(), test_images)
    assert known >= 0.985
    with safetensors.safe_open(judge.FILE, framework="numpy") as file:
        assert known == pytest.approx(float(file.metadata()["test_accuracy"]), abs=2e-4)


def test_a_verdict_has_probabilities_and_features(digits: mnist.Images) -> None:
    probabilities, features = judge.judge(judge.from_bytes(digits.pixels[:7]))
    assert probabilities.shape == (7, 10) and features.shape == (7, 64)
    assert probabilities.dtype == features.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert features.min() == 0 < features.max()


def test_the_forward_pass_is_that_of_scikit_learn(digits: mnist.Images) -> None:
    pixels = judge.from_bytes(digits.pixels[:200])
    classifier = MLPClassifier((9, 5), max_iter=3, random_state=1)
    classifier.partial_fit(pixels, digits.labels[:200], classes=np.arange(10))
    probabilities, features = judge.forward(training.named_arrays(classifier), pixels)
    np.testing.assert_allclose(probabilities, classifier.predict_proba(pixels), atol=1e-6)
    assert features.shape == (200, 5)


# Making it ---------------------------------------------------------------------------------------


def test_the_judge_can_be_made_again(
    digits: mnist.Images, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "judge.safetensors"
    training.make(path, digits, digits, epochs=12, seed=0)
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert {name: array.shape for name, array in arrays.items()} == {
        name: array.shape for name, array in judge.judge_arrays().items()
    }
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}
    assert float(metadata["test_accuracy"]) == judge.accuracy(arrays, digits) > 0.7  # by chance: 0.1
    assert str(path) in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [path]


def test_a_judge_is_decided_by_its_seed(digits: mnist.Images) -> None:
    first, again, other = (training.train(digits, epochs=1, seed=seed) for seed in (0, 0, 1))
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
        assert not np.array_equal(array, other[name])


def test_the_weights_are_the_mean_of_the_last_quarter(
    digits: mnist.Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[Arrays] = []
    recorded = training.named_arrays

    def record(classifier: MLPClassifier) -> Arrays:
        states.append({name: array.copy() for name, array in recorded(classifier).items()})
        return states[-1]

    monkeypatch.setattr(training, "named_arrays", record)
    averaged = training.train(digits, epochs=8, seed=0)
    assert len(states) == 2
    kernels = [state["dense1.kernel"] for state in states]
    assert not np.array_equal(kernels[0], kernels[1])
    np.testing.assert_allclose(averaged["dense1.kernel"], sum(kernels) / 2, atol=1e-7)


# Distortions -------------------------------------------------------------------------------------


@pytest.fixture
def undistorted(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("LINEAR", "SHIFT", "BEND"):
        monkeypatch.setattr(training, part, 0)


@pytest.mark.usefixtures("undistorted")
def test_without_distortion_images_stay_as_they_are(digits: mnist.Images) -> None:
    pixels = judge.from_bytes(digits.pixels[:5])
    np.testing.assert_allclose(training.distorted(pixels, np.random.default_rng(0)), pixels, atol=1e-6)


class Shift(np.random.Generator):
    """Every draw is 1 down and 0.5 to the right."""

    def standard_normal(self, size, dtype):  # type: ignore[override, no-untyped-def]
        drawn = np.ones(size, dtype)
        drawn[:, 1] = 0.5
        return drawn


@pytest.mark.usefixtures("undistorted")
def test_a_shift_moves_the_image_and_interpolates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SHIFT", 2.5)
    point = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE), np.float32)
    point[0, 10, 20] = 1
    moved = training.distorted(point.reshape(1, PIXELS), Shift(np.random.Philox(0))).reshape(point.shape)
    expected = np.zeros_like(point)
    expected[0, 7:9, 18:20] = np.outer([1 / 2, 1 / 2], [1 / 4, 3 / 4])
    np.testing.assert_allclose(moved, expected, atol=1e-6)


def test_distorted_images_differ_and_stay_images(digits: mnist.Images) -> None:
    pixels = judge.from_bytes(np.repeat(digits.pixels[:1], 50, axis=0))
    distorted = training.distorted(pixels, np.random.default_rng(0))
    assert distorted.dtype == np.float32 and distorted.shape == pixels.shape
    assert distorted.min() >= 0 and distorted.max() <= 1
    assert len(np.unique(distorted, axis=0)) == 50
    assert distorted.sum(axis=1).mean() == pytest.approx(pixels[0].sum(), rel=0.1)


def test_the_bend_is_smooth_and_of_variance_one() -> None:
    noise = np.random.default_rng(0).standard_normal((500, IMAGE_SIZE, IMAGE_SIZE))
    bend = training.SMOOTHING @ noise @ training.SMOOTHING.T
    assert bend.std() == pytest.approx(1, abs=0.05)
    assert np.diff(bend, axis=1).std() < 0.25
