"""How all figures look: readable on light pages and on dark ones, the same bytes each time."""

from pathlib import Path

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
GREY = "#808080"  # for text and axes: of much the same contrast with white and with black
BLUE, ORANGE, GREEN, PURPLE = "#3b82f6", "#f97316", "#16a34a", "#a855f7"
RED = "#ef4444"

mpl.rcdefaults()  # whatever the user's matplotlibrc says
mpl.rcParams.update(
    {
        "svg.fonttype": "path",  # no fonts are needed to look at them
        "svg.hashsalt": "gan",  # the same names of elements each time
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "axes.edgecolor": GREY,
        "axes.labelcolor": GREY,
        "text.color": GREY,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "grid.color": GREY,
        "grid.alpha": 0.25,
        "axes.grid": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "font.size": 11,
        "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, PURPLE, RED]),
    }
)


def figure(width: float = 8, height: float = 4) -> Figure:
    """An empty figure; inches."""
    return Figure(figsize=(width, height), layout="constrained")


def save(drawn: Figure, name: str) -> None:
    """Write it beside this file as NAME.svg."""
    drawn.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})
