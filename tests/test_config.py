"""Hyper-parameters: ranges and defaults."""

import math
from typing import Any

import pytest

from common.config import OF_LOSS, Config, Interval
from common.errors import UsageError


def test_defaults_are_those_of_the_tutorial() -> None:
    config = Config()
    assert (config.batch_size, config.noise_dim, config.dropout) == (64, 100, 0.3)
    assert (config.lr, config.beta1, config.beta2) == (3e-4, 0.5, 0.999)
    assert (config.networks, config.loss) == ("dense", "non-saturating")
    assert (config.update_order, config.ema_decay) == ("discriminator-first", 0)
    assert config.steps == 20_000


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("steps", 0),
        ("steps", 100_000_000),
        ("batch_size", -1),
        ("noise_dim", 0),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("dropout", math.nan),
        ("lr", 0.0),
        ("lr", math.nan),
        ("lr", math.inf),
        ("lr", 1.5),
        ("beta1", 1.0),
        ("beta2", -0.1),
        ("ema_decay", 1.0),
        ("networks", "residual"),
        ("loss", "stylegan"),
        ("critic_steps", 0),
        ("gradient_penalty", -1.0),
        ("critic_steps", 2.5),
        ("lr", "fast"),
        ("dataset", 5),
        ("update_order", "both"),
        ("seed", -1),
        ("seed", 2**32),
        ("train_limit", 0),
        ("sample_every", 0),
        ("checkpoint_every", 0),
    ],
)
def test_a_value_out_of_range_is_named_with_its_range(setting: str, value: object) -> None:
    with pytest.raises(UsageError) as error:
        Config(**{setting: value})  # type: ignore[arg-type]
    assert str(error.value).startswith("--" + setting.replace("_", "-") + " must be ")
    assert str(value) in str(error.value)


@pytest.mark.parametrize(
    ("together", "words"),
    [
        ({"critic_steps": 5}, ("--critic-steps 5", "--loss wasserstein alone", "--loss non-saturating")),
        ({"loss": "least-squares", "gradient_penalty": 10.0}, ("--gradient-penalty 10.0", "least-squares")),
        ({"loss": "wasserstein"}, ("--gradient-penalty must be above 0", "--loss wasserstein")),
        (
            {"loss": "wasserstein", "gradient_penalty": 10.0, "update_order": "generator-first"},
            ("--update-order generator-first", "--loss wasserstein", "leave it out"),
        ),
    ],
)
def test_settings_that_do_not_go_together_are_named(together: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as error:
        Config(**together)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("loss", OF_LOSS)
def test_what_a_loss_brings_along_goes_with_it(loss: str) -> None:
    assert Config(loss=loss, **OF_LOSS[loss]).loss == loss


def test_an_interval_knows_its_ends() -> None:
    half_open = Interval(0, 1, includes_low=False)
    assert 0 not in half_open and 1 in half_open and math.nan not in half_open
    assert str(half_open) == "above 0 and at most 1"
    assert str(Interval(1)) == "at least 1"
    assert math.inf not in Interval(1)
