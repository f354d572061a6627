"""A healthy training stays in the range derived from several seeds; see tests/expected_range.py."""

from pathlib import Path

import pytest

from tests import expected_range

SEED = 100  # not among those the range was derived from


@pytest.mark.parametrize("package", ["pytorch_gan"])
@pytest.mark.parametrize("dataset", ["digits", "mnist"])
def test_losses_stay_in_the_expected_range(
    package: str, dataset: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if dataset == "mnist":
        data_dir: Path = request.getfixturevalue("mnist_dir")
        monkeypatch.setenv("GAN_DATA_DIR", str(data_dir))
    means = expected_range.window_means(package, dataset, SEED)
    ranges = expected_range.allowed(dataset)
    assert means.keys() == ranges.keys()
    outside = {
        name: f"{means[name]:.3f} is not in [{low:.3f}, {high:.3f}]"
        for name, (low, high) in ranges.items()
        if not low <= means[name] <= high
    }
    assert not outside
