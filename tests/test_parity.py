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
from common.checkpoint import Arrays, Checkpoint
from common.config import Config
from common.engines import ENGINES
from common.feed import Purpose, draw_noise
from common.networks import weights
from tests.combinations import COMBINATIONS
from tests.frameworks import Player, Trace

CONFIG = Config(batch_size=16, ema_decay=0.99)  # step 1; dropout at 0.3
INITIAL = checkpoint.initial_arrays(CONFIG)
GENERATOR_FIRST = replace(CONFIG, update_order="generator-first")
ITERATIONS = 300
FEWER_ITERATIONS = {"dense": 30, "convolutional": 12}
AGREEMENT = 1e-9  # measured: 1e-13 at most

# Every other combination of networks, loss and labels, with a batch and critic steps that take little time.
VARIANTS = {
    name: replace(
        config,
        batch_size=4,
        dropout=CONFIG.dropout,
        ema_decay=CONFIG.ema_decay,
        critic_steps=min(config.critic_steps, 2),
    )
    for name, config in COMBINATIONS.items()
    if config.update_order == CONFIG.update_order
    and (config.networks, config.loss, config.classes) != (CONFIG.networks, CONFIG.loss, 0)
}
WITH_CRITIC_AND_LABELS = VARIANTS["dense, wasserstein, discriminator-first, 10 classes"]
CONVOLUTIONAL = VARIANTS["convolutional, non-saturating, discriminator-first, 0 classes"]


def iterations_of(config: Config) -> int:
    """How long it runs free."""
    return ITERATIONS if config == CONFIG else FEWER_ITERATIONS[config.networks]


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
    def trace(name: str, config: Config = CONFIG) -> Trace:
        arrays = checkpoint.initial_arrays(config)
        return players(name, "float64").run(config, arrays, 0, iterations_of(config), with_masks=True)

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
    averages = [name for name in first.arrays if name.endswith(".average")]
    record("averages", max(np.abs(first.arrays[name] - second.arrays[name]).max() for name in averages))
    assert_agreement(first.losses, first.arrays, second)


@pytest.mark.parametrize("other", list(ENGINES)[1:])
@pytest.mark.parametrize("config", [GENERATOR_FIRST, *VARIANTS.values()], ids=["generator first", *VARIANTS])
def test_losses_agree_in_every_variant(
    free_running: Callable[..., Trace], other: str, config: Config, record: Record
) -> None:
    """The same for fewer iterations."""
    first, second = (free_running(name, config) for name in ("PyTorch", other))
    record("losses", np.abs(first.losses - second.losses).max())
    record("arrays", max(np.abs(array - second.arrays[name]).max() for name, array in first.arrays.items()))
    assert_agreement(first.losses, first.arrays, second)


@pytest.mark.parametrize("config", [CONFIG, *VARIANTS.values()], ids=["step 1", *VARIANTS])
@pytest.mark.parametrize("name", ["TensorFlow", "Keras on TensorFlow", "Keras on JAX"])
def test_the_step_is_compiled_once(free_running: Callable[..., Trace], name: str, config: Config) -> None:
    """Its Python code is run to trace it, and not again."""
    assert free_running(name, config).loss_calls == 1
    assert free_running("PyTorch", config).loss_calls == iterations_of(config)


@pytest.mark.parametrize("config", [CONFIG, *VARIANTS.values()], ids=["step 1", *VARIANTS])
@pytest.mark.parametrize("framework", ENGINES)
def test_the_networks_are_those_of_the_table(
    free_running: Callable[..., Trace], framework: str, config: Config
) -> None:
    """What a framework keeps of its networks: names and shapes as in `common/networks.py`, no more."""
    found = free_running(framework, config).arrays
    expected: dict[str, tuple[int, ...]] = {}
    for name, weight in weights(config).items():
        moments = [".adam_m", ".adam_v"] if weight.trained else []
        average = [".average"] if weight.trained and name.startswith("generator") else []
        expected |= {f"{name}{part}": weight.shape for part in ["", *moments, *average]}
    assert {name: array.shape for name, array in found.items()} == expected


@pytest.mark.parametrize(
    "config",
    [CONFIG, WITH_CRITIC_AND_LABELS, CONVOLUTIONAL],
    ids=["step 1", "critic and labels", "convolutional"],
)
def test_a_run_goes_on_in_other_frameworks(
    players: Players,
    free_running: Callable[..., Trace],
    tmp_path: Path,
    config: Config,
) -> None:
    """A third of the iterations in PyTorch, Keras on JAX and TensorFlow each are all of them in PyTorch.

    Through checkpoints; a critic has made more updates than its generator.
    """
    arrays, losses = checkpoint.initial_arrays(config), []
    length = iterations_of(config) // 3
    for part, name in enumerate(["PyTorch", "Keras on JAX", "TensorFlow"]):
        first, last = length * part, length * (part + 1)
        trace = players(name, "float64").run(config, arrays, first, last, with_masks=True)
        path = tmp_path / f"{part}.safetensors"
        Checkpoint(last, config.as_dict(), trace.arrays).save(path)
        arrays = checkpoint.load(path).arrays
        losses.append(trace.losses)
    assert_agreement(np.concatenate(losses), arrays, free_running("PyTorch", config))


# Float32, one step at a time ---------------------------------------------------------------------

LOSS_ERROR = 1e-6  # of the largest number reported, or of 1; measured: 1e-7, a unit in its last place
GRADIENT_ERROR = 1e-5  # of the largest gradient in the same array; measured: 6e-6
STATISTICS_ERROR = 2e-6  # of the largest running statistic in the same array; measured: 2e-7
STATES = (0, 1_000, 10_000)  # of step 1
STARTS = {
    **{str(iteration): (CONFIG, iteration) for iteration in STATES},
    # Where they have run free; labels only add to what is computed. With one update of each network, Adam's
    # moments say what its gradient was.
    **{
        name: (replace(config, critic_steps=1), iterations_of(config))
        for name, config in VARIANTS.items()
        if config.classes
    },
}


@pytest.fixture(scope="module")
def real_state(
    tmp_path_factory: pytest.TempPathFactory, free_running: Callable[..., Trace]
) -> Callable[[str], Arrays]:
    """The state at one of the `STARTS`, in float32.

    That of step 1 is from a run whose batches are small so that 10,000 iterations take two minutes.
    """
    run = tmp_path_factory.mktemp("real") / "run"
    states = {0: INITIAL}

    def state(start: str) -> Arrays:
        if start in VARIANTS:
            arrays = free_running("PyTorch", VARIANTS[start]).arrays
            return {name: array.astype(np.float32) for name, array in arrays.items()}
        _, iteration = STARTS[start]
        if iteration not in states:
            begin = "--resume" if run.exists() else f"--batch-size 8 --ema-decay {CONFIG.ema_decay}"
            line = f"-m pytorch_gan train {begin} --steps {iteration} --device cpu --sample-every 10000"
            subprocess.run(
                [sys.executable, *line.split(), "--run", str(run)], check=True, capture_output=True
            )
            path = run / "checkpoints" / f"{iteration:08}.safetensors"
            states[iteration] = checkpoint.load(path).arrays
        return states[iteration]

    return state


@pytest.fixture(scope="module")
def exact_step(players: Players, real_state: Callable[[str], Arrays]) -> Callable[[str], Trace]:
    """One iteration from one of the `STARTS`, in float64."""

    @cache
    def step(start: str) -> Trace:
        config, iteration = STARTS[start]
        player = players("PyTorch", "float64")
        return player.run(config, real_state(start), iteration, iteration + 1, with_masks=True)

    return step


def gradient(name: str, beta1: float, before: Arrays, after: Arrays) -> np.ndarray:
    """What Adam's first moment has learnt from it: m' = beta1 m + (1 - beta1) g."""
    old, new = (arrays[f"{name}.adam_m"].astype(np.float64) for arrays in (before, after))
    return (new - beta1 * old) / (1 - beta1)


@pytest.mark.parametrize("framework", ENGINES)
@pytest.mark.parametrize("start", STARTS)
def test_one_step_agrees_to_rounding(
    players: Players,
    real_state: Callable[[str], Arrays],
    exact_step: Callable[[str], Trace],
    framework: str,
    start: str,
    record: Record,
) -> None:
    """Losses, gradients and all that a checkpoint keeps are after one step in float32 those in float64.

    To rounding. Adam divides gradients by sqrt(v), and errors with them: an error d of a gradient becomes one
    of lr d / sqrt(v) in its weight. At iteration 0, where v = g^2, that can be as much as the update itself.
    An average takes over a share of 1 - decay of its weight's error, at iteration 0 all of it.
    """
    config, iteration = STARTS[start]
    before, exact = real_state(start), exact_step(start)
    found = players(framework, "float32").run(config, before, iteration, iteration + 1, with_masks=True)
    size = max(1, np.abs(exact.losses).max())  # a critic's values have no bound
    np.testing.assert_allclose(found.losses, exact.losses, rtol=0, atol=LOSS_ERROR * size)
    record("losses", np.abs(found.losses - exact.losses).max() / size)
    share = 1 - config.ema_decay if iteration > 0 else 1
    gradient_errors, weight_errors, average_errors, statistics_errors = [], [], [], []
    for name, weight in weights(config).items():
        if not weight.trained:
            statistics = exact.arrays[name]
            error = np.abs(found.arrays[name] - statistics).max() / np.abs(statistics).max()
            assert error <= STATISTICS_ERROR, name
            statistics_errors.append(error)
            continue
        g = gradient(name, config.beta1, before, exact.arrays)
        g_error = np.abs(gradient(name, config.beta1, before, found.arrays) - g)
        g_allowed = GRADIENT_ERROR * np.abs(g).max()
        assert g_error.max() <= g_allowed, name
        v = exact.arrays[f"{name}.adam_v"]
        np.testing.assert_allclose(
            found.arrays[f"{name}.adam_v"], v, rtol=0, atol=2 * GRADIENT_ERROR * v.max()
        )
        v_hat = v / (1 - config.beta2 ** (iteration + 1))
        allowed = config.lr * np.minimum(2, g_allowed / (np.sqrt(v_hat) + 1e-8))
        rounding = 4 * np.spacing(np.abs(before[name]).max())
        error = np.abs(found.arrays[name] - exact.arrays[name])
        assert (error <= allowed + rounding).all(), name
        if g.any():  # the distance leaves the critic's last bias out
            gradient_errors.append(g_error.max() / np.abs(g).max())
        weight_errors.append(error.max() / config.lr)
        if name.startswith("generator"):
            error = np.abs(found.arrays[f"{name}.average"] - exact.arrays[f"{name}.average"])
            assert (error <= share * allowed + rounding).all(), f"{name}.average"
            average_errors.append(error.max() / config.lr)
    record("gradients", max(gradient_errors))
    record("weights", max(weight_errors))
    record("averages", max(average_errors))
    if statistics_errors:
        record("statistics", max(statistics_errors))


# Exchange ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained_elsewhere(
    players: Players, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Config], Path]:
    """A checkpoint that a framework has written after a few iterations with its own dropout."""
    folder = tmp_path_factory.mktemp("exchange")

    def path(name: str, config: Config) -> Path:
        path = folder / f"{config.networks} {name}.safetensors"
        if not path.exists():
            trace = players(name, "float32").run(config, checkpoint.initial_arrays(config), 0, 20)
            Checkpoint(20, config.as_dict(), trace.arrays).save(path)
        return path

    return path


@pytest.mark.parametrize("config", [CONFIG, CONVOLUTIONAL], ids=["step 1", "convolutional"])
@pytest.mark.parametrize("writer", ENGINES)
def test_every_framework_generates_the_same_images_from_a_checkpoint(
    players: Players,
    trained_elsewhere: Callable[[str, Config], Path],
    writer: str,
    config: Config,
    record: Record,
) -> None:
    arrays = checkpoint.load(trained_elsewhere(writer, config)).arrays
    noise = draw_noise(3, Purpose.GENERATED_NOISE, 64, config.noise_dim)
    images = {name: players(name, "float32").generate(config, arrays, noise) for name in ENGINES}
    assert images[writer].std() > 0.01
    record("images", max(np.abs(others - images[writer]).max() for others in images.values()))
    for name, others in images.items():
        np.testing.assert_allclose(others, images[writer], rtol=0, atol=1e-5, err_msg=name)
