"""The losses with the discriminator first and with the generator first, and how much they fluctuate."""

from common.results import KEPT_EVERY, RESULTS, STUDIES
from common.runs.curves import moving_average
from common.runs.run import Run
from docs.figures.style import BLUE, ORANGE, figure, save

COLOURS = {"discriminator-first": BLUE, "generator-first": ORANGE}
WINDOW = 5  # of the means that are kept


def main() -> None:
    """Draw the curves at the left, and at the right the fluctuation of each run as a point."""
    drawn = figure(9, 4)
    curves, points = drawn.subplots(1, 2, width_ratios=(3, 1))
    folders = [folder for pattern in STUDIES["update-order"] for folder in RESULTS.glob(pattern)]
    for folder in sorted(folders):
        run = Run.open(folder)
        order, losses = run.config.update_order, run.losses()
        label = order if run.config.seed == 0 else None
        for column in ("d_loss", "g_loss"):
            smooth = moving_average(losses[column], WINDOW)
            curves.plot(losses["iteration"][WINDOW - 1 :], smooth, color=COLOURS[order], lw=1, label=label)
            label = None
            points.plot(column, run.record["fluctuation"][column], "o", color=COLOURS[order], alpha=0.7)
    curves.set_ylim(0.5, 2.3)
    curves.set_xlabel(f"iteration (mean of {WINDOW * KEPT_EVERY})")
    curves.legend(loc="upper right")
    points.set_ylim(0, None)
    points.set_xlim(-0.5, 1.5)
    points.set_title("std in 500 iterations", fontsize=10)
    save(drawn, "update_order")
