"""Every framework's own dropout: share, scale, independence, seed, and none outside training."""

from collections.abc import Callable

import numpy as np
import pytest

from common import checkpoint
from common.config import OF_LOSS, Config, settings
from common.engines import ENGINES
from tests.frameworks import Player
from tests.numpy_gan import NumpyGAN, sigmoid

SHAPE = (128, 1024)
CALLS = 6  # in one iteration: three layers in the discriminator step, three in the generator step
STANDARD_ERROR = SHAPE[0] ** -0.5 * SHAPE[1] ** -0.5  # of a correlation of two masks

Players = Callable[[str, str], Player]
each_framework = pytest.mark.parametrize("framework", ENGINES)


@each_framework
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.7])
def test_a_share_is_zeroed_and_the_rest_is_scaled(players: Players, framework: str, rate: float) -> None:
    for output in players(framework, "float32").drop(rate, SHAPE, 7, CALLS):
        values, counts = np.unique(output, return_counts=True)
        np.testing.assert_allclose(values, [0, 1 / (1 - rate)], rtol=1e-6)
        deviation = counts[0] / output.size - rate
        assert abs(deviation) < 5 * STANDARD_ERROR * np.sqrt(rate * (1 - rate))


@each_framework
def test_masks_are_independent(players: Players, framework: str) -> None:
    """Between layers, steps and iterations, and between neighbours in one mask."""
    drop = players(framework, "float32").drop
    masks = [(output > 0) - 0.7 for seed in (8, 9) for output in drop(0.3, SHAPE, seed, CALLS)]
    pairs = [(one, other) for number, one in enumerate(masks) for other in masks[:number]]
    for mask in masks[:2]:
        pairs += [(mask[:, :-step], mask[:, step:]) for step in (1, 2, 3, 4)] + [(mask[:-1], mask[1:])]
    for one, other in pairs:
        assert abs((one * other).mean() / 0.21) < 5 * STANDARD_ERROR


@each_framework
def test_masks_follow_the_seed(players: Players, framework: str) -> None:
    drop = players(framework, "float32").drop
    np.testing.assert_array_equal(drop(0.3, SHAPE, 2**62, CALLS), drop(0.3, SHAPE, 2**62, CALLS))


@each_framework
def test_a_training_step_drops_by_the_seed_of_its_iteration(players: Players, framework: str) -> None:
    """With the same batch and weights that stay as they are, only dropout can change the losses."""
    frozen = Config(batch_size=16, lr=1e-30)
    arrays = checkpoint.initial_arrays(frozen)
    seeds = (2**40, 2**40, 2**40 + 1, 2**40 + 9)
    losses = players(framework, "float32").run(frozen, arrays, 0, 4, dropout_seeds=seeds).losses
    np.testing.assert_array_equal(losses[1], losses[0])
    for other in (2, 3):
        assert np.abs(losses[other] - losses[0]).min() > 1e-5


@each_framework
def test_masks_go_on_where_seeds_end(players: Players, framework: str) -> None:
    """A critic takes more masks than there are seeds from one iteration's to the next, and to 2**31."""
    outputs = players(framework, "float32").drop(0.3, (32, 64), 2**28 - 1, 33)
    assert len({output.tobytes() for output in outputs}) == 33
    for output in outputs:
        assert 0.2 < (output == 0).mean() < 0.4  # standard error: 0.01


@pytest.mark.parametrize("framework", [name for name in ENGINES if name != "PyTorch"])
def test_a_training_step_draws_a_seed_for_each_mask(players: Players, framework: str) -> None:
    """PyTorch's one generator goes on by itself; the others carry theirs through a compiled step."""
    player, config = players(framework, "float32"), Config(batch_size=16, noise_dim=4)
    arrays = checkpoint.initial_arrays(config)
    for seeds in [(5,), (9, 5)]:
        state = player.run(config, arrays, 0, len(seeds), dropout_seeds=seeds).random_state
        np.testing.assert_array_equal(state, player.state_after(5, CALLS))
    assert not np.array_equal(state, player.state_after(5, CALLS - 1))


@pytest.mark.parametrize("framework", [name for name in ENGINES if name != "PyTorch"])
def test_a_critic_draws_seeds_for_its_penalty_too(players: Players, framework: str) -> None:
    """Three masks for real and generated images and three for the penalty, in each critic step."""
    settings = {**OF_LOSS["wasserstein"], "dropout": 0.3, "critic_steps": 2}
    config = Config(batch_size=16, noise_dim=4, loss="wasserstein", **settings)
    player = players(framework, "float32")
    trace = player.run(config, checkpoint.initial_arrays(config), 0, 2, dropout_seeds=(9, 5))
    np.testing.assert_array_equal(trace.random_state, player.state_after(5, 2 * 6 + 3))


@each_framework
@pytest.mark.parametrize("networks", settings()["networks"].choices)
def test_nothing_is_dropped_outside_training(players: Players, framework: str, networks: str) -> None:
    config = Config(networks=networks, noise_dim=10)
    arrays = checkpoint.initial_arrays(config)
    oracle = NumpyGAN(config, arrays)
    random = np.random.default_rng(0)
    noise = random.standard_normal((5, 10)).astype(np.float32)
    images = players(framework, "float32").generate(config, arrays, noise)
    np.testing.assert_allclose(images, np.tanh(oracle.forward("generator", noise)[-1]), atol=1e-6)
    scores = players(framework, "float32").score(config, arrays, images)
    np.testing.assert_allclose(scores, sigmoid(oracle.forward("discriminator", images)[-1]), atol=1e-6)
