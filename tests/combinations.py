"""Every GAN that the settings allow, which is what the proof goes through.

A value that is added to a setting, and a setting that chooses, make combinations of their own here, and with
them tests.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

from common.config import OF_LOSS, Config, settings
from common.errors import UsageError

# What chooses a GAN, with all that it can be.
AXES: Mapping[str, tuple[Any, ...]] = {
    **{name: about.choices for name, about in settings().items() if about.choices},
    "classes": (0, 10),
}
# Numbers in it: the proof takes some, for instance `critic_steps` of 2.
NUMBERS = {
    "batch_size",
    "noise_dim",
    "dropout",
    "lr",
    "beta1",
    "beta2",
    "critic_steps",
    "gradient_penalty",
    "ema_decay",
    "seed",
}
# What decides how long and on which data it is trained, and what is kept.
AROUND_IT = {"steps", "dataset", "train_limit", "sample_every", "checkpoint_every"}


def combinations() -> tuple[dict[str, Config], list[str]]:
    """The configurations by their names, each with what goes with its loss; and those that are refused."""
    allowed, refused = {}, []
    for values in product(*AXES.values()):
        chosen = dict(zip(AXES, values, strict=True))
        name = ", ".join(f"{value} classes" if axis == "classes" else value for axis, value in chosen.items())
        try:
            allowed[name] = Config(**{**OF_LOSS[chosen["loss"]], **chosen})
        except UsageError:
            refused.append(name)
    return allowed, refused


COMBINATIONS, REFUSED = combinations()
