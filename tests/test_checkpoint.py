"""Contract 3: the exchange format."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from common import checkpoint
from common.checkpoint import Checkpoint
from common.config import OF_LOSS, Config, settings
from common.errors import GanError
from common.feed import Purpose, draw_noise, with_labels
from common.machine.files import replacing
from common.networks import networks
from tests.conftest import not_on_windows, slow
from tests.numpy_gan import NumpyGAN

CONFIG = Config(noise_dim=3).as_dict()


@pytest.fixture
def state() -> Checkpoint:
    return Checkpoint(7, CONFIG, checkpoint.initial_arrays(Config(noise_dim=3)))


def test_names_and_shapes_are_canonical() -> None:
    discriminator, generator = networks(Config())
    assert discriminator.weights["discriminator.dense1.kernel"].shape == (784, 1024)
    assert generator.weights["generator.dense4.bias"].shape == (784,)
    for network, count in ((discriminator, 1_460_225), (generator, 1_486_352)):
        sizes = [np.prod(weight.shape) for weight in network.weights.values()]
        assert len(sizes) == 8 and sum(sizes) == count


def test_convolutions_have_kernels_of_their_own_shape_and_statistics_that_are_not_trained() -> None:
    discriminator, generator = networks(Config(networks="convolutional"))
    assert discriminator.weights["discriminator.conv2.kernel"].shape == (4, 4, 32, 64)
    assert generator.weights["generator.conv1.kernel"].shape == (4, 4, 32, 64)  # the other way round
    for network, arrays, count in ((discriminator, 8, 836_705), (generator, 8, 347_073)):
        sizes = [np.prod(weight.shape) for weight in network.weights.values() if weight.trained]
        assert len(sizes) == arrays and sum(sizes) == count
    untrained = {name for name, weight in generator.weights.items() if not weight.trained}
    assert untrained == {f"generator.norm{n}.running_{one}" for n in (1, 2) for one in ("mean", "variance")}
    initial = checkpoint.initial_arrays(Config(networks="convolutional"))
    assert not any(f"{name}.adam_m" in initial for name in untrained)


def test_the_state_before_the_first_iteration_is_the_same_everywhere() -> None:
    """Names, order, types and every bit: NumPy alone makes it."""
    arrays = checkpoint.initial_arrays(Config())
    assert [name for name in arrays if "dense1" in name] == [
        f"{network}.dense1.{weight}{part}"
        for network in ("discriminator", "generator")
        for weight in ("kernel", "bias")
        for part in ("", ".adam_m", ".adam_v")
    ]
    assert checkpoint.digest(arrays, {}).startswith("37f9cf5b85885db7")


def test_initial_weights_are_uniform_within_one_over_root_fan_in() -> None:
    arrays = checkpoint.initial_arrays(Config())
    kernel, bias = arrays["generator.dense4.kernel"], arrays["generator.dense4.bias"]
    for array in (kernel, bias):
        assert array.dtype == np.float32
        assert 0.99 / 32 < np.abs(array).max() <= 1 / 32  # the fan-in is 1024
    # Uniform in ±a: mean 0 with standard error a / sqrt(3 n), deviation a / sqrt(3)
    assert abs(kernel.mean()) < 5 / 32 / np.sqrt(3 * kernel.size)
    assert kernel.std() == pytest.approx(1 / 32 / np.sqrt(3), rel=0.01)
    assert not arrays["generator.dense4.kernel.adam_m"].any()
    other = checkpoint.initial_arrays(Config(seed=1))
    assert not np.array_equal(kernel, other["generator.dense4.kernel"])


def test_what_is_saved_is_loaded(state: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "7.safetensors"
    state.save(path)
    loaded = checkpoint.load(path)
    assert (loaded.iteration, loaded.config) == (7, CONFIG)
    assert loaded.arrays.keys() == state.arrays.keys()
    for name, array in state.arrays.items():
        np.testing.assert_array_equal(loaded.arrays[name], array)


def test_a_critic_has_made_more_updates_than_the_generator() -> None:
    for loss, d_updates in (("non-saturating", 7), ("wasserstein", 35)):
        config = Config(loss=loss, **OF_LOSS[loss])
        assert Checkpoint(7, config.as_dict(), {}).d_updates == d_updates


def test_a_damaged_checkpoint_is_refused(state: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "7.safetensors"
    state.save(path)
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:1000], b"", b"\xff" * 100):
        path.write_bytes(damaged)
        with pytest.raises(GanError, match="is cut short or is not a checkpoint"):
            checkpoint.load(path)
    path.unlink()
    with pytest.raises(GanError, match="cannot be read"):
        checkpoint.load(path)


def test_flipped_bits_are_noticed(tmp_path: Path) -> None:
    """In weights, moments, running statistics and metadata; wherever, what is read is what was saved."""
    path = tmp_path / "state.safetensors"
    config = Config(networks="convolutional")
    state = Checkpoint(7, config.as_dict(), checkpoint.initial_arrays(config))
    state.save(path)
    whole, original = path.read_bytes(), checkpoint.load(path)
    random = np.random.default_rng(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    places = [*random.integers(0, header, 20), *random.integers(header, len(whole), 20), len(whole) - 1]
    noticed = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        try:
            loaded = checkpoint.load(path)
        except GanError as error:
            noticed += 1
            assert str(path) in str(error)
        else:  # a name in the header that nothing depends on
            assert place < header
            assert (loaded.iteration, loaded.config) == (original.iteration, original.config)
            assert checkpoint.digest(loaded.arrays, {}) == checkpoint.digest(original.arrays, {})
    assert noticed >= len(places) - 4


def test_a_checkpoint_from_before_digests_is_read(state: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    metadata = {"format": checkpoint.FORMAT, "iteration": "25", "config": json.dumps(state.config)}
    path.write_bytes(safetensors.numpy.save(state.arrays, metadata))
    loaded = checkpoint.load(path)
    assert checkpoint.digest(loaded.arrays, {}) == checkpoint.digest(state.arrays, {})


def test_a_checkpoint_never_executes_code(tmp_path: Path) -> None:
    class Exploit:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'executed'}",)

    path = tmp_path / "7.safetensors"
    path.write_bytes(pickle.dumps(Exploit()))
    with pytest.raises(GanError):
        checkpoint.load(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (None, "is not a checkpoint of this project"),
        ({"format": "another"}, "is not a checkpoint of this project"),
        ({"format": checkpoint.FORMAT}, "has damaged metadata"),
        ({"format": checkpoint.FORMAT, "iteration": "x", "config": json.dumps(CONFIG)}, "damaged"),
    ],
)
def test_a_foreign_safetensors_file_is_refused(
    state: Checkpoint, metadata: dict[str, str] | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "foreign.safetensors"
    safetensors.numpy.save_file(state.arrays, path, metadata)
    with pytest.raises(GanError, match=words):
        checkpoint.load(path)


@pytest.mark.parametrize("kind", settings()["networks"].choices)
def test_averages_that_the_configuration_promises_are_there(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "averaged.safetensors"
    config = Config(networks=kind, noise_dim=3, ema_decay=0.9)
    arrays = checkpoint.initial_arrays(config)
    _, generator = networks(config)
    averages = {
        f"{name}.average": np.ones(weight.shape, np.float32)
        for name, weight in generator.weights.items()
        if weight.trained
    }
    Checkpoint(7, config.as_dict(), arrays | averages).save(path)
    assert checkpoint.load(path).averaged().keys() == generator.weights.keys()
    Checkpoint(7, config.as_dict(), arrays).save(path)
    with pytest.raises(GanError, match=r"\.kernel\.average should be \(3, \d+\) but is nothing"):
        checkpoint.load(path)


@pytest.mark.parametrize("classes", [slow(0), 10])
def test_an_averaged_generator_has_the_statistics_of_its_own_images(classes: int) -> None:
    """What it makes of a thousand noises is what it makes of them in training, as one batch."""
    config = Config(networks="convolutional", noise_dim=3, classes=classes)
    trained = {name for name, weight in networks(config)[1].weights.items() if weight.trained}
    other = checkpoint.initial_arrays(replace(config, seed=1))
    arrays = checkpoint.initial_arrays(config) | {f"{name}.average": 3 * other[name] for name in trained}
    found = Checkpoint(7, config.as_dict(), arrays).averaged()
    np.testing.assert_array_equal(found["generator.conv1.kernel"], 3 * other["generator.conv1.kernel"])
    noise = draw_noise(0, Purpose.STATISTICS_NOISE, 1_000, 3)
    noise = with_labels(noise, np.arange(1_000) % max(classes, 1), classes)
    _, expected = NumpyGAN(config, found).generate(noise.astype(np.float64))
    images = networks(config)[1](found, noise)
    assert images.std() > 0.1
    np.testing.assert_allclose(images, expected[:, :784], atol=5e-4)


def test_weights_of_other_networks_are_named(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    dense, convolutional = (Config(networks=kind) for kind in ("dense", "convolutional"))
    Checkpoint(7, convolutional.as_dict(), checkpoint.initial_arrays(dense)).save(path)
    with pytest.raises(GanError, match=r"discriminator\.conv1\.kernel should be .* but is nothing"):
        checkpoint.load(path)


def test_another_architecture_is_named(state: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    name = "discriminator.dense2.kernel"
    for other, words in (
        ({name: state.arrays[name].T.copy()}, r"should be \(1024, 512\) but is \(512, 1024\)"),
        ({name: None}, "but is nothing"),
    ):
        arrays = {key: array for key, array in (state.arrays | other).items() if array is not None}
        Checkpoint(7, CONFIG, arrays).save(path)
        with pytest.raises(GanError, match="of another architecture.*" + words):
            checkpoint.load(path)


@not_on_windows
def test_a_full_disk_leaves_the_previous_checkpoint(state: Checkpoint, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the full disk: to write fails in the same way."""
    path = tmp_path / "7.safetensors"
    state.save(path)
    before = path.read_bytes()
    code = f"""
import resource
from pathlib import Path
from common import checkpoint
path = Path({str(path)!r})
state = checkpoint.load(path)
resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))
try:
    state.save(path)
except Exception as error:
    print(type(error).__name__, error)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.startswith(f"GanError {path} cannot be written (File too large)"), out
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_replacing_puts_a_whole_file_in_place_or_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]
