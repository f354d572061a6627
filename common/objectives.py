"""What the two networks minimise, as far as it shows in what a run reports: columns, axes, reference lines.

The losses themselves stand in the `training.py`, `least_squares.py` and `wasserstein.py` of each framework.
"""

from dataclasses import dataclass
from math import log
from typing import NamedTuple


class Column(NamedTuple):
    """A number that each iteration measures."""

    name: str  # d_loss, as in losses.csv
    title: str  # D loss
    short: str  # D
    meaning: str  # discriminator's loss


class Reference(NamedTuple):
    """A value to compare others with, drawn as a line."""

    value: float
    formula: str  # 2 ln 2
    label: str  # what to write where there is room
    column: str = ""  # the one that it is for; for all of the panel without it


@dataclass(frozen=True)
class Panel:
    """The columns that share an axis of a chart, the discriminator's or that of real images first."""

    title: str  # both losses
    axis: str
    limits: tuple[float, float] | None  # None: wherever the values lie
    smooth_limits: tuple[float, float] | None  # where only moving averages are to be seen
    columns: tuple[Column, ...]
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Objective:
    """What a run reports of its losses, and of what the discriminator says."""

    losses: Panel
    outputs: Panel
    references: str = ""  # where the values have those of the reference lines

    @property
    def panels(self) -> tuple[Panel, Panel]:
        """The chart, from above."""
        return self.losses, self.outputs

    @property
    def header(self) -> tuple[str, ...]:
        """The first line of losses.csv."""
        return ("iteration", *(column.name for panel in self.panels for column in panel.columns))


LOSSES = (
    Column("d_loss", "D loss", "D", "discriminator's loss"),
    Column("g_loss", "G loss", "G", "generator's loss"),
)
OUTPUTS = (
    Column("d_real", "D(x)", "D(x)", "D(x), on real images"),
    Column("d_fake", "D(G(z))", "D(G(z))", "D(G(z)), on generated images"),
)
KNOWS_NOTHING = "where the discriminator knows nothing"
ONE_HALF = (Reference(1 / 2, "1/2", "1/2: D knows nothing"),)

OBJECTIVES = {  # by the names of --loss
    "non-saturating": Objective(
        losses=Panel(
            title="both losses",
            axis="loss (nats)",
            limits=(0, 4),
            smooth_limits=(0, 3),
            columns=LOSSES,
            references=(
                Reference(2 * log(2), "2 ln 2", "2 ln 2 = 1.386", "d_loss"),
                Reference(log(2), "ln 2", "ln 2 = 0.693", "g_loss"),
            ),
        ),
        outputs=Panel(
            title="D(x) and D(G(z))",
            axis="probability of being real",
            limits=(0, 1),
            smooth_limits=(0, 1),
            columns=OUTPUTS,
            references=ONE_HALF,
        ),
        references=KNOWS_NOTHING,
    ),
    "least-squares": Objective(
        losses=Panel(
            title="both losses",
            axis="loss",
            limits=(0, 1),
            smooth_limits=(0, 0.75),
            columns=LOSSES,
            references=(
                Reference(1 / 4, "1/4", "1/4 = 0.250", "d_loss"),
                Reference(1 / 8, "1/8", "1/8 = 0.125", "g_loss"),
            ),
        ),
        outputs=Panel(
            title="D(x) and D(G(z))",
            axis="output: 1 for real, 0 for generated",
            limits=(-0.5, 1.5),
            smooth_limits=(0, 1),
            columns=OUTPUTS,
            references=ONE_HALF,
        ),
        references=KNOWS_NOTHING,
    ),
    "wasserstein": Objective(
        losses=Panel(
            title="distance and penalty",
            axis="distance, penalty",
            limits=None,
            smooth_limits=None,
            columns=(
                Column("distance", "distance", "W", "estimate of the Wasserstein distance"),
                Column("penalty", "penalty", "penalty", "weighted gradient penalty"),
            ),
        ),
        outputs=Panel(
            title="D(x), D(G(z)) and G loss",
            axis="critic's value",
            limits=None,
            smooth_limits=None,
            columns=(*OUTPUTS, Column("g_loss", "G loss", "G", "generator's loss: -D(G(z)) in its own step")),
        ),
    ),
}
