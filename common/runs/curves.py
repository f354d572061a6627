"""The losses of a run -> one chart."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from common.errors import GanError
from common.machine.files import replacing
from common.objectives import Objective, Panel

FLUCTUATION_WINDOW = 500  # iterations
MOST_STRETCHES = 1_000  # of one curve: about one for each pixel of the chart
COLOURS = ("tab:blue", "tab:orange", "tab:green")  # of the columns in a panel


def moving_average(values: np.ndarray, window: int) -> np.ndarray:
    """The mean of each `window` neighbouring values: float (len(values) - window + 1,)."""
    total = np.cumsum(np.insert(values, 0, 0.0))
    return (total[window:] - total[:-window]) / window


def extremes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a curve looks like on a chart: of a long one the lowest and the highest point of each stretch.

    However long it is, drawing it takes the same memory.
    """
    if len(x) <= 2 * MOST_STRETCHES:
        return x, y
    starts = np.linspace(0, len(x), MOST_STRETCHES, endpoint=False).astype(int)
    both = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    return x[starts].repeat(2), np.column_stack(both).ravel()


def fluctuation(losses: np.ndarray, objective: Objective) -> dict[str, float]:
    """How much each loss fluctuates: its standard deviation within a window, as a root mean square over the
    windows of the second half.

    Args:
        losses: a structured array with the columns of `losses.csv`, a row for every iteration.
    """
    half = losses[len(losses) // 2 :]
    windows = np.array_split(half, max(1, len(half) // FLUCTUATION_WINDOW))
    return {
        column.name: float(np.sqrt(np.mean([part[column.name].var() for part in windows])))
        for column in objective.losses.columns
    }


def usual_range(losses: np.ndarray, panel: Panel) -> tuple[float, float]:
    """Where 98% of a panel's values lie, and some room: single ones far off must not flatten the rest."""
    low, high = np.percentile([losses[column.name] for column in panel.columns], [1, 99])
    room = 0.1 * (high - low) + 1e-9
    return low - room, high + room


@contextmanager
def own_settings() -> Iterator[None]:
    """Let matplotlib draw with its own settings, whatever the user's matplotlibrc and MPLBACKEND say.

    Raises:
        GanError: a matplotlibrc is no text, so that matplotlib cannot be imported.
    """
    backend = os.environ.pop("MPLBACKEND", None)  # with one that it does not know it cannot be imported
    try:
        import matplotlib
    except UnicodeDecodeError as error:
        raise GanError(
            f"matplotlib cannot read a matplotlibrc ({error}); look for one in this folder and in your home, "
            "and mend it or move it away."
        ) from None
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


@own_settings()
def save_loss_chart(losses: np.ndarray, objective: Objective, title: str, path: Path) -> None:
    """Draw the losses and what the discriminator says, with the reference lines that theory gives.

    Args:
        losses: a structured array with the columns of `losses.csv`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    both_axes = figure.subplots(2, 1, sharex=True)
    iterations = losses["iteration"]
    window = min(len(losses), max(100, len(losses) // 100))
    for axes, panel in zip(both_axes, objective.panels, strict=True):
        colours = {column.name: colour for column, colour in zip(panel.columns, COLOURS, strict=False)}
        for column in panel.columns:
            name, colour = column.name, colours[column.name]
            axes.plot(*extremes(iterations, losses[name]), color=colour, alpha=0.2, linewidth=0.5)
            smooth = moving_average(losses[name], window)
            axes.plot(*extremes(iterations[window - 1 :], smooth), color=colour, label=column.meaning)
        for line in panel.references:
            colour = colours.get(line.column, "grey")
            axes.axhline(line.value, color=colour, linestyle="--", label=line.label)
        axes.set_ylim(panel.limits or usual_range(losses, panel))
        axes.set_ylabel(panel.axis)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, frameon=False)
        axes.grid(alpha=0.3)
    upper, lower = both_axes
    upper.set_ylabel(f"{objective.losses.axis}; bold: mean of {window}")
    lower.set_xlabel("iteration")
    figure.suptitle(title, parse_math=False)
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a folder's name may be in any script
        figure.savefig(temporary, format="png", dpi=110)
