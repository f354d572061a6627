"""The losses with beta1 = 0.5 and with 0.9, from `beta1.csv`, and what the runs drew at their ends.

`python -m docs.figures.beta1 RUN RUN ...` first writes that file, means of 20 iterations, and the pictures
`beta1-0.5.png` and `beta1-0.9.png` from run folders, made by the commands in
docs/en/06-losses-and-optimisers.md.
"""

import csv
import shutil
import sys
from pathlib import Path

import numpy as np

from common.runs.run import Run
from docs.figures.style import BLUE, FOLDER, ORANGE, figure, save

KEPT = FOLDER / "beta1.csv"
WINDOW = 20  # iterations in one mean


def keep(folders: list[Path]) -> None:
    """Write `beta1.csv` and the pictures."""
    runs = [(run.config, run.losses(), [*run.pictures().values()][-1]) for run in map(Run.open, folders)]
    with KEPT.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["beta1", "seed", "iteration", "d_loss", "g_loss"])
        for config, losses, last_picture in runs:
            for first in range(0, len(losses), WINDOW):
                part = losses[first : first + WINDOW]
                means = (f"{part[name].mean():.5g}" for name in ("d_loss", "g_loss"))
                rows.writerow([config.beta1, config.seed, first + len(part), *means])
            if config.seed == 0:
                shutil.copyfile(last_picture, FOLDER / f"beta1-{config.beta1}.png")


def main() -> None:
    """Draw both losses."""
    kept = np.genfromtxt(KEPT, delimiter=",", names=True)
    drawn = figure(8, 3.4)
    for ax, name in zip(drawn.subplots(1, 2), ("d_loss", "g_loss"), strict=True):
        for beta1, colour in ((0.5, BLUE), (0.9, ORANGE)):
            for seed, style in ((0, "-"), (1, ":")):
                run = kept[(kept["beta1"] == beta1) & (kept["seed"] == seed)]
                label = rf"$\beta_1$ = {beta1}, seed {seed}"
                if len(run):
                    ax.plot(run["iteration"], run[name], style, color=colour, label=label, lw=1.5)
        ax.set(title=name, ylim=(0, None))
    drawn.axes[1].legend(loc="lower right", bbox_to_anchor=(1, 0.12), fontsize=9)
    save(drawn, "beta1")


if __name__ == "__main__":
    if sys.argv[1:]:
        keep([Path(folder) for folder in sys.argv[1:]])
    main()
