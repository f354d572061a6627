"""TensorFlow and Keras on the command line, where tests/test_command_line.py cannot speak for them."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common import checkpoint
from common.engines import ENGINES
from common.runs.run import Run
from tests import conftest
from tests.conftest import Outcome, as_process, require_framework
from tests.frameworks import Player

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parent.parent
OTHERS = [name for name in ENGINES if name != "PyTorch"]
SMALL = f"{conftest.SMALL} --steps 25 --sample-every 10"

Command = Callable[[str], Outcome]


@pytest.fixture(scope="module", params=OTHERS)
def framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def command(players: Callable[[str, str], Player], framework: str) -> Command:
    player = players(framework, "float32")
    return lambda line: Outcome(*player.command(line))


@pytest.fixture(scope="module")
def run(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    outcome = command(f"{SMALL} --checkpoint-every 20 --run {folder}")
    assert outcome.status == 0, outcome
    assert "Learning from scikit-learn digits, 1,797 images." in outcome.out
    assert "Trained 25 iterations on scikit-learn digits" in outcome.out
    return folder


def test_training_leaves_what_it_does_in_pytorch(run: Path, framework: str) -> None:
    names = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    assert names - {".lock"} == {
        "run.json",
        "losses.csv",
        "losses.png",
        "samples.gif",
        "samples/00000000.png",
        "samples/00000010.png",
        "samples/00000020.png",
        "samples/00000025.png",
        "checkpoints/00000020.safetensors",
        "checkpoints/00000025.safetensors",
    }
    opened = Run.open(run)
    assert opened.losses()["iteration"].tolist() == list(range(25))
    (session,) = opened.record["sessions"]
    assert session["framework"] == framework
    keras_backend = ENGINES[framework].keras_backend
    assert session["environment"].get("keras_backend", "") == keras_backend
    for module in ENGINES[framework].modules:
        assert re.match(r"\d+\.\d+", session["environment"][module])
    assert session["environment"]["device"].startswith("cpu")


def test_generate_writes_images(run: Path, command: Command, tmp_path: Path) -> None:
    for count in (3, 5):
        outcome = command(f"generate --run {run} --count {count} --out {tmp_path}/{count}.npy --device cpu")
        assert outcome.status == 0, outcome
    images = np.load(tmp_path / "5.npy")
    assert images.shape == (5, 784) and images.dtype == np.float32 and np.abs(images).max() <= 1
    np.testing.assert_allclose(np.load(tmp_path / "3.npy"), images[:3], atol=1e-6)


def test_own_images_are_learnt_from(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for number, noise in enumerate(np.random.default_rng(0).integers(0, 256, (9, 30, 20), dtype=np.uint8)):
        Image.fromarray(noise).save(tmp_path / "mine" / f"{number}.png")
    outcome = command(
        SMALL.replace("digits", f"{tmp_path}/mine").replace("25", "2") + f" --run {tmp_path}/run"
    )
    assert outcome.status == 0 and "Trained 2 iterations on mine" in outcome.out, outcome


def test_a_device_that_is_not_there_is_named(command: Command, tmp_path: Path) -> None:
    for name in ("warp", "cuda:99", "cpu:7"):
        outcome = command(SMALL.replace("cpu", name) + f" --run {tmp_path}/run")
        outcome.assert_fails(2, f"has no --device {name} here; use auto, or cpu")
    assert not list(tmp_path.iterdir())


def test_a_training_that_diverges_stops_and_keeps_the_last_good_state(
    command: Command, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert command(f"{SMALL} --run {run}").status == 0
    newest = run / "checkpoints" / "00000025.safetensors"
    state = checkpoint.load(newest)
    state.arrays["generator.dense2.kernel"] *= np.float32(1e30)
    state.arrays["discriminator.dense3.kernel"] *= np.float32(1e30)
    state.save(newest)
    before = newest.read_bytes()
    command(f"train --resume --run {run} --steps 40 --device cpu").assert_fails(
        1, "became NaN or infinite at iteration", "state after 25 iterations is kept", "--lr"
    )
    assert newest.read_bytes() == before


# Before a framework is imported ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ENGINES)
def test_a_framework_that_is_not_installed_is_named_with_the_command_that_installs_it(
    name: str, tmp_path: Path
) -> None:
    require_framework(name)
    missing = ENGINES[name].modules[-1]
    (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{missing}'\")")
    outcome = as_process(f"{SMALL} --run {tmp_path}/run", REPOSITORY, name, PYTHONPATH=str(tmp_path))
    install = {
        "PyTorch": "`make train-torch`",
        "TensorFlow": "`make train-tf`",
        "Keras on TensorFlow": "`make train-keras`",
        "Keras on JAX": "`KERAS_BACKEND=jax make train-keras`",
        "Keras on PyTorch": "`KERAS_BACKEND=torch make train-keras`",
    }[name]
    outcome.assert_fails(1, f"{name} cannot be imported (No module named '{missing}')", install)
    assert not (tmp_path / "run").exists()


def test_keras_backends_are_those_of_keras() -> None:
    outcome = as_process(SMALL, REPOSITORY, "Keras on JAX", KERAS_BACKEND="jacks")
    outcome.assert_fails(2, "KERAS_BACKEND must be one of tensorflow, jax, torch, not 'jacks'")


@pytest.mark.parametrize("platforms", ["cuda", "nonsense"])
def test_a_platform_that_jax_does_not_find_is_named(platforms: str, tmp_path: Path) -> None:
    require_framework("Keras on JAX")
    line = SMALL.replace("--device cpu", f"--run {tmp_path}/run")
    outcome = as_process(line, REPOSITORY, "Keras on JAX", JAX_PLATFORMS=platforms, CUDA_VISIBLE_DEVICES="")
    outcome.assert_fails(2, f"JAX cannot compute on JAX_PLATFORMS={platforms} here (", "unset that")
    assert not (tmp_path / "run").exists()


def test_keras_is_on_tensorflow_when_nothing_is_chosen(tmp_path: Path) -> None:
    require_framework("Keras on TensorFlow")
    line = f"{SMALL} --run {tmp_path}/run".replace("25", "1")
    outcome = as_process(line, REPOSITORY, "Keras on TensorFlow", KERAS_BACKEND="")
    assert outcome.status == 0, outcome
    (session,) = Run.open(tmp_path / "run").record["sessions"]
    assert session["environment"]["keras_backend"] == "tensorflow"
    assert "WARNING" not in outcome.err and "I0000" not in outcome.err  # nothing but the progress


def test_tensorflow_does_without_keras() -> None:
    """See tests/test_surroundings.py for the Keras that `import tensorflow` would import."""
    for path in (REPOSITORY / "tensorflow_gan").glob("*.py"):
        assert not re.search(r"import keras|from keras|tf\.keras|compat\.v1", path.read_text())
