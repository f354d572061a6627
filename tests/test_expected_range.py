"""A healthy training stays in the range derived from several seeds; see tests/expected_range.py."""

from pathlib import Path

import pytest

from common.data import mnist
from common.engines import ENGINES
from tests import expected_range
from tests.conftest import MNIST_DIR, require_framework

pytestmark = pytest.mark.slow

SEED = 100  # not among those the range was derived from


ON_MNIST = ("PyTorch", "TensorFlow", "Keras on TensorFlow")
HAVE_MNIST = not mnist.missing_files(mnist.PUBLISHED["mnist"], MNIST_DIR / "MNIST" / "raw")
ON_DIGITS = [name for name in ENGINES if not (HAVE_MNIST and name in ON_MNIST)]  # once is enough


@pytest.mark.parametrize(
    ("framework", "dataset"),
    [*((name, "mnist") for name in ON_MNIST), *((name, "digits") for name in ON_DIGITS)],
)
def test_losses_stay_in_the_expected_range(
    framework: str, dataset: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_framework(framework)
    if dataset == "mnist":
        data_dir: Path = request.getfixturevalue("mnist_dir")
        monkeypatch.setenv("GAN_DATA_DIR", str(data_dir))
    means = expected_range.window_means(framework, dataset, SEED)
    ranges = expected_range.allowed(dataset)
    assert means.keys() == ranges.keys()
    outside = {
        name: f"{means[name]:.3f} is not in [{low:.3f}, {high:.3f}]"
        for name, (low, high) in ranges.items()
        if not low <= means[name] <= high
    }
    assert not outside
