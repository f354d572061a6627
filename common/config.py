"""Every hyper-parameter once: its default, its meaning, its valid range.

The command line and the record of a run, in `common/runs/run.py`, are made from `Config`.
"""

import math
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from functools import cache
from typing import Any

from common.errors import UsageError


@dataclass(frozen=True)
class Interval:
    """The numbers from `low` to `high`. NaN and infinity are in no interval."""

    low: float
    high: float = math.inf
    includes_low: bool = True
    includes_high: bool = True

    def __contains__(self, value: float) -> bool:
        above = value >= self.low if self.includes_low else value > self.low
        below = value <= self.high if self.includes_high else value < self.high
        return math.isfinite(value) and above and below

    def __str__(self) -> str:
        low = f"at least {self.low}" if self.includes_low else f"above {self.low}"
        high = f"at most {self.high}" if self.includes_high else f"below {self.high}"
        return low if math.isinf(self.high) else f"{low} and {high}"


@dataclass(frozen=True)
class Setting:
    """What the command line and the checks need to know about one field of `Config`."""

    meaning: str
    within: Interval | None = None
    choices: tuple[str, ...] = ()
    kind: type = int
    may_change: bool = False  # when a run is resumed
    option: str = ""  # where it is not that of the field's name


def setting(default: Any, meaning: str, **details: Any) -> Any:
    """A field of `Config`; `details` go to its `Setting`."""
    kind = details.pop("kind", type(default))
    return field(default=default, metadata={"setting": Setting(meaning, kind=kind, **details)})


KINDS = {int: "a whole number", float: "a number", str: "text"}  # of settings
DECAYS = Interval(0, 1, includes_high=False)
SEEDS = Interval(0, 2**32 - 1)


def option_name(field_name: str) -> str:
    """`batch_size` -> `--batch-size`."""
    return settings()[field_name].option or "--" + field_name.replace("_", "-")


@dataclass(frozen=True)
class Config:
    """One run's hyper-parameters; together with the data they decide every number of the run.

    Raises:
        UsageError: a value is out of its range.
    """

    steps: int = setting(
        20_000,
        "iterations to train; each updates the generator once",
        within=Interval(1, 99_999_999),  # eight digits in the names of pictures and checkpoints
        may_change=True,
    )
    batch_size: int = setting(64, "real images, and noises, in one iteration", within=Interval(1))
    noise_dim: int = setting(
        100,
        "numbers in one noise vector z, each drawn from N(0, 1)",
        within=Interval(1, 100_000),
    )
    dropout: float = setting(
        0.3,
        "share of units dropped after each hidden layer of the discriminator",
        within=Interval(0, 0.99),
    )
    lr: float = setting(
        3e-4,
        "Adam's learning rate alpha, for both networks",
        within=Interval(0, 1, includes_low=False),
    )
    beta1: float = setting(0.5, "Adam's decay of the mean gradient, per iteration", within=DECAYS)
    beta2: float = setting(0.999, "Adam's decay of the mean squared gradient, per iteration", within=DECAYS)
    networks: str = setting(
        "dense",
        "what the two networks consist of: dense layers, or convolutions, as in a DCGAN",
        choices=("dense", "convolutional"),
    )
    loss: str = setting(
        "non-saturating",
        "what the two networks minimise; with wasserstein other settings have other defaults, see --recipe",
        choices=("non-saturating", "least-squares", "wasserstein"),
    )
    critic_steps: int = setting(
        1,
        "updates of the discriminator, then called critic, in one iteration, each with a batch of its own; "
        "more than one with --loss wasserstein alone",
        within=Interval(1, 100),
    )
    gradient_penalty: float = setting(
        0.0,
        "weight lambda of the gradient penalty; with --loss wasserstein alone, and there above 0",
        within=Interval(0),
    )
    classes: int = setting(
        0,
        "tell both networks which class each image is of, a digit or a folder of your own images, so that "
        "one can ask for it afterwards: see `generate --digit`",
        within=Interval(0),
        option="--conditional",
    )
    update_order: str = setting(
        "discriminator-first",
        "which network an iteration updates first",
        choices=("discriminator-first", "generator-first"),
    )
    ema_decay: float = setting(
        0.0,
        "decay, per iteration, of an exponential moving average of the generator's weights, kept beside "
        "them and without effect on the training, see `generate --weights`; 0 keeps none",
        within=DECAYS,
    )
    seed: int = setting(
        0,
        "decides initial weights, batches, noises and dropout",
        within=SEEDS,
    )
    dataset: str = setting(
        "auto",
        "images to learn from: mnist, fashion-mnist, digits, a folder of images of your own, or auto: MNIST, "
        "or where it cannot be had scikit-learn's small digits",
        may_change=True,  # its name, as a folder may move; the images are known by their SHA-256
    )
    train_limit: int | None = setting(
        None, "use only the first so many training images", kind=int, within=Interval(1)
    )
    sample_every: int = setting(250, "iterations between two pictures", within=Interval(1), may_change=True)
    checkpoint_every: int = setting(
        1_000, "iterations between two checkpoints", within=Interval(1), may_change=True
    )

    def __post_init__(self) -> None:
        for name, about in settings().items():
            check(option_name(name), getattr(self, name), about)
        if self.loss == "wasserstein":
            if self.gradient_penalty == 0:
                raise UsageError(
                    "--gradient-penalty must be above 0 with --loss wasserstein: nothing else keeps the "
                    "critic's slope near 1."
                )
            if self.update_order != "discriminator-first":
                raise UsageError(
                    f"--update-order {self.update_order} does not go with --loss wasserstein, whose critic "
                    "comes first; leave it out."
                )
        elif self.critic_steps > 1 or self.gradient_penalty > 0:
            name = "critic_steps" if self.critic_steps > 1 else "gradient_penalty"
            raise UsageError(
                f"{option_name(name)} {getattr(self, name)} goes with --loss wasserstein alone, not with "
                f"--loss {self.loss}."
            )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


# What papers have beside their losses, and so what --loss changes in the defaults.
OF_LOSS: Mapping[str, Mapping[str, Any]] = {
    "non-saturating": {},
    "least-squares": {},
    "wasserstein": {
        "critic_steps": 5,
        "gradient_penalty": 10.0,
        "dropout": 0.0,
        "beta1": 0.0,
        "beta2": 0.9,
    },
}

DCGAN: Mapping[str, Any] = {"networks": "convolutional", "lr": 1e-3, "dropout": 0.5, "ema_decay": 0.999}

# Settings that were tried together: --recipe fills them in where they are not given.
RECIPES: Mapping[str, Mapping[str, Any]] = {
    "gan": {"networks": "dense", "loss": "non-saturating", "conditional": False},
    "dcgan": DCGAN,
    # With the dense networks D gets so far ahead that G falls back to a few shapes.
    "lsgan": {**DCGAN, "loss": "least-squares"},
    "wgan-gp": {"loss": "wasserstein"},
    "cgan": {"conditional": True, "ema_decay": 0.999},
    # All of them together. With two critic steps it gets further in an hour than with five, or with one.
    "best": {
        "networks": "convolutional",
        "loss": "wasserstein",
        "critic_steps": 2,
        "conditional": True,
        "lr": 1e-3,
        "ema_decay": 0.99,
    },
}


def with_its_loss(options: Mapping[str, Any]) -> dict[str, Any]:
    """`options`, and what their loss brings along where they do not say otherwise."""
    return {**OF_LOSS[options.get("loss", Config.loss)], **options}


def default(name: str, loss: str) -> Any:
    """What a setting is with this loss where nobody says otherwise."""
    return OF_LOSS[loss].get(name, getattr(Config, name))


@cache
def settings() -> Mapping[str, Setting]:
    """Field name -> setting, in the order of `Config`."""
    described: tuple[Field[Any], ...] = fields(Config)
    return {one.name: one.metadata["setting"] for one in described}


def check(option: str, value: Any, about: Setting) -> None:
    """Raise `UsageError` if `option` cannot have this `value`."""
    if value is None:
        return
    is_of_kind = isinstance(value, (int, float) if about.kind is float else about.kind)
    if not is_of_kind:
        raise UsageError(f"{option} must be {KINDS[about.kind]}, not {value!r}.")
    if about.choices and value not in about.choices:
        raise UsageError(f"{option} must be one of {', '.join(about.choices)}, not {value!r}.")
    if about.within is not None and value not in about.within:
        raise UsageError(f"{option} must be {about.within}, not {value}.")
