"""The proof that it is one GAN: with the same state, numbers and masks, all frameworks do the same.

See tests/frameworks.py for how they are made to. `docs/en/proof.md` tells what was measured: with
`--junitxml=FILE` these tests write it down.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from common import checkpoint
from common.checkpoint import Arrays, Checkpoint, averaged
from common.config import Config
from common.engines import ENGINES
from common.feed import Purpose, draw_noise
from common.networks import weights
from tests.frameworks import Player, Trace

CONFIG = Config(batch_size=16, ema_decay=0.99)  # dropout at 0.3
GENERATOR_FIRST = replace(CONFIG, update_order="generator-first")
INITIAL = checkpoint.initial_arrays(CONFIG)
ITERATIONS = 300
AGREEMENT = 1e-9  # measured: 1e-13 at most in 300 iterations

Players = Callable[[str, str], Player]
Record = Callable[[str, float], None]


@pytest.fixture
def record(record_property: Callable[[str, object], None]) -> Record:
    """Keep a figure for `--junitxml`, as a plain float, which pytest-xdist can pass on."""
    return lambda name, figure: record_property(name, float(figure))


@pytest.fixture(scope="module")
def free_running(players: Players) -> Callable[..., Trace]:
    """A framework's training in float64, from the start; each is trained once."""

    @cache
    def trace(name: str, config: Config = CONFIG, iterations: int = ITERATIONS) -> Trace:
        return players(name, "float64").run(config, INITIAL, 0, iterations, with_masks=True)

    return trace


# Float64, free running --------------------------------------------------------------------------


def assert_agreement(losses: np.ndarray, arrays: Arrays, expected: Trace) -> None:
    """Losses, weights, moments and averages are the same."""
    np.testing.assert_allclose(losses, expected.losses, rtol=0, atol=AGREEMENT)
    assert arrays.keys() == expected.arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_allclose(array, expected.arrays[name], rtol=0, atol=AGREEMENT, err_msg=name)


@pytest.mark.parametrize(("one", "other"), list(combinations(ENGINES, 2)))
def test_losses_agree_at_every_iteration(
    free_running: Callable[..., Trace], one: str, other: str, record: Record
) -> None:
    """Both losses and the means of D(x) and D(G(z)), one after the other, nothing set right in between."""
    first, second = free_running(one), free_running(other)
    assert first.losses.shape == second.losses.shape == (ITERATIONS, 4)
    record("losses", np.abs(first.losses - second.losses).max())
    averages = averaged(second.arrays)
    record(
        "averages",
        max(np.abs(array - averages[name]).max() for name, array in averaged(first.arrays).items()),
    )
    assert_agreement(first.losses, first.arrays, second)


@pytest.mark.parametrize("other", list(ENGINES)[1:])
def test_losses_agree_with_the_generator_first(
    free_running: Callable[..., Trace], other: str, record: Record
) -> None:
    first, second = (free_running(name, GENERATOR_FIRST, 50) for name in ("PyTorch", other))
    record("losses", np.abs(first.losses - second.losses).max())
    assert_agreement(first.losses, first.arrays, second)


@pytest.mark.parametrize("name", ["TensorFlow", "Keras on TensorFlow", "Keras on JAX"])
def test_the_step_is_compiled_once(free_running: Callable[..., Trace], name: str) -> None:
    """Its Python code is run to trace it, and not again."""
    assert free_running(name).loss_calls == 1
    assert free_running("PyTorch").loss_calls == ITERATIONS


# Float32, one step at a time ---------------------------------------------------------------------

LOSS_ERROR = 5e-7  # absolute; measured: 1e-7, which is one unit in the last place of a loss above 1
GRADIENT_ERROR = 1e-5  # of the largest gradient in the same array; measured: 4e-6
STATES = (0, 1_000, 10_000)


@pytest.fixture(scope="module")
def real_state(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Arrays]:
    """One of the `STATES` of a run; its batches are small so that 10,000 iterations take two minutes."""
    run = tmp_path_factory.mktemp("real") / "run"
    states = {0: INITIAL}

    def state(iteration: int) -> Arrays:
        if iteration not in states:
            start = "--resume" if run.exists() else f"--batch-size 8 --ema-decay {CONFIG.ema_decay}"
            line = f"-m pytorch_gan train {start} --steps {iteration} --device cpu --sample-every 10000"
            subprocess.run(
                [sys.executable, *line.split(), "--run", str(run)], check=True, capture_output=True
            )
            path = run / "checkpoints" / f"{iteration:08}.safetensors"
            states[iteration] = checkpoint.load(path).arrays
        return states[iteration]

    return state


@pytest.fixture(scope="module")
def exact_step(players: Players, real_state: Callable[[int], Arrays]) -> Callable[[int], Trace]:
    """One iteration from one of the `STATES`, in float64."""

    @cache
    def step(iteration: int) -> Trace:
        player = players("PyTorch", "float64")
        return player.run(CONFIG, real_state(iteration), iteration, iteration + 1, with_masks=True)

    return step


def gradient(name: str, before: Arrays, after: Arrays) -> np.ndarray:
    """What Adam's first moment has learnt from it: m' = beta1 m + (1 - beta1) g."""
    old, new = (arrays[f"{name}.adam_m"].astype(np.float64) for arrays in (before, after))
    return (new - CONFIG.beta1 * old) / (1 - CONFIG.beta1)


@pytest.mark.parametrize("framework", ENGINES)
@pytest.mark.parametrize("iteration", STATES)
def test_one_step_agrees_to_rounding(
    players: Players,
    real_state: Callable[[int], Arrays],
    exact_step: Callable[[int], Trace],
    framework: str,
    iteration: int,
    record: Record,
) -> None:
    """Losses, gradients, moments, weights and averages after one step in float32 are those in float64.

    To rounding. Adam divides gradients by sqrt(v), and errors with them: an error d of a gradient becomes one
    of lr d / sqrt(v) in its weight. At iteration 0, where v = g^2, that can be as much as the update itself.
    An average takes over a share of 1 - decay of its weight's error, at iteration 0 all of it.
    """
    before, exact = real_state(iteration), exact_step(iteration)
    found = players(framework, "float32").run(CONFIG, before, iteration, iteration + 1, with_masks=True)
    np.testing.assert_allclose(found.losses, exact.losses, rtol=0, atol=LOSS_ERROR)
    record("losses", np.abs(found.losses - exact.losses).max())
    share = 1 - CONFIG.ema_decay if iteration > 0 else 1
    gradient_errors, weight_errors, average_errors = [], [], []
    for name in weights(CONFIG):
        g = gradient(name, before, exact.arrays)
        g_error = np.abs(gradient(name, before, found.arrays) - g)
        g_allowed = GRADIENT_ERROR * np.abs(g).max()
        assert g_error.max() <= g_allowed, name
        v = exact.arrays[f"{name}.adam_v"]
        np.testing.assert_allclose(
            found.arrays[f"{name}.adam_v"], v, rtol=0, atol=2 * GRADIENT_ERROR * v.max()
        )
        v_hat = v / (1 - CONFIG.beta2 ** (iteration + 1))
        allowed = CONFIG.lr * np.minimum(2, g_allowed / (np.sqrt(v_hat) + 1e-8))
        rounding = 4 * np.spacing(np.abs(before[name]).max())
        error = np.abs(found.arrays[name] - exact.arrays[name])
        assert (error <= allowed + rounding).all(), name
        gradient_errors.append(g_error.max() / np.abs(g).max())
        weight_errors.append(error.max() / CONFIG.lr)
        if name.startswith("generator"):
            error = np.abs(found.arrays[f"{name}.average"] - exact.arrays[f"{name}.average"])
            assert (error <= share * allowed + rounding).all(), f"{name}.average"
            average_errors.append(error.max() / CONFIG.lr)
    record("gradients", max(gradient_errors))
    record("weights", max(weight_errors))
    record("averages", max(average_errors))


# Exchange ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("framework", ENGINES)
def test_the_networks_are_those_of_the_table(players: Players, framework: str) -> None:
    """What a framework keeps of its networks: names and shapes as in `common/networks.py`, no more."""
    found = players(framework, "float32").run(CONFIG, INITIAL, 0, 1).arrays
    expected = {
        f"{name}{part}": shape
        for name, (shape, _) in weights(CONFIG).items()
        for part in ("", ".adam_m", ".adam_v", *([".average"] if name.startswith("generator") else []))
    }
    assert {name: array.shape for name, array in found.items()} == expected


@pytest.fixture(scope="module")
def trained_elsewhere(players: Players, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A checkpoint that a framework has written after a few iterations with its own dropout."""
    folder = tmp_path_factory.mktemp("exchange")

    def path(name: str) -> Path:
        path = folder / f"{name}.safetensors"
        if not path.exists():
            trace = players(name, "float32").run(CONFIG, INITIAL, 0, 20)
            Checkpoint(20, CONFIG.as_dict(), trace.arrays).save(path)
        return path

    return path


@pytest.mark.parametrize("writer", ENGINES)
def test_every_framework_generates_the_same_images_from_a_checkpoint(
    players: Players, trained_elsewhere: Callable[[str], Path], writer: str, record: Record
) -> None:
    arrays = checkpoint.load(trained_elsewhere(writer)).arrays
    noise = draw_noise(3, Purpose.GENERATED_NOISE, 64, CONFIG.noise_dim)
    images = {name: players(name, "float32").generate(CONFIG, arrays, noise) for name in ENGINES}
    assert images[writer].std() > 0.01
    record("images", max(np.abs(others - images[writer]).max() for others in images.values()))
    for name, others in images.items():
        np.testing.assert_allclose(others, images[writer], rtol=0, atol=1e-5, err_msg=name)


def test_a_run_goes_on_in_other_frameworks(
    players: Players, free_running: Callable[..., Trace], tmp_path: Path
) -> None:
    """100 iterations in PyTorch, 100 in Keras on JAX and 100 in TensorFlow are 300 in PyTorch."""
    arrays, losses = INITIAL, []
    for part, name in enumerate(["PyTorch", "Keras on JAX", "TensorFlow"]):
        trace = players(name, "float64").run(CONFIG, arrays, 100 * part, 100 * (part + 1), with_masks=True)
        path = tmp_path / f"{part}.safetensors"
        Checkpoint(100 * (part + 1), CONFIG.as_dict(), trace.arrays).save(path)
        arrays = checkpoint.load(path).arrays
        losses.append(trace.losses)
    assert_agreement(np.concatenate(losses), arrays, free_running("PyTorch"))
