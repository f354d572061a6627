"""The losses of every run in docs/results/frameworks: how far frameworks differ, and how far seeds do."""

from math import log

from common.engines import ENGINES
from common.results import KEPT_EVERY, RESULTS
from common.runs.curves import moving_average
from common.runs.run import Run
from docs.figures.style import GREY, figure, save

WINDOW = 5  # of the means that are kept


def main() -> None:
    """Draw d_loss and g_loss over the iterations, a line for each run."""
    drawn = figure(8, 4.5)
    axes = drawn.subplots()
    for number, folder in enumerate(sorted((RESULTS / "frameworks").iterdir())):
        run = Run.open(folder)
        framework, losses = run.record["sessions"][0]["framework"], run.losses()
        colour = ENGINES[framework].colour
        for column in ("d_loss", "g_loss"):
            label = framework if run.config.seed == 0 and column == "d_loss" else None
            smooth = moving_average(losses[column], WINDOW)
            axes.plot(losses["iteration"][WINDOW - 1 :], smooth, color=colour, lw=1, label=label)
            if number == 0:
                axes.annotate(
                    column, (losses["iteration"][-1], smooth[-1]), (8, 0), textcoords="offset points"
                )
    for value, name in ((2 * log(2), "2 ln 2"), (log(2), "ln 2")):
        axes.axhline(value, color=GREY, linestyle="--", linewidth=1)
        axes.annotate(name, (0, value), (2, 3), textcoords="offset points")
    axes.set_ylim(0.5, 2.3)
    axes.set_xlabel(f"iteration (mean of {WINDOW * KEPT_EVERY})")
    axes.legend(ncols=3, loc="upper right")
    save(drawn, "losses")
