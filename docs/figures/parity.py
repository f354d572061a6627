"""How far the losses of each framework are from PyTorch's at every iteration, in float64.

The numbers are made by `python -m tests.parity_curves`, which trains in all frameworks.
"""

import numpy as np

from docs.figures.style import FOLDER, GREY, figure, save

ALLOWED = 1e-9  # by tests/test_parity.py


def main() -> None:
    """Draw the largest difference of d_loss, g_loss, D(x) and D(G(z)), a curve for each framework."""
    path = FOLDER / "parity.csv"
    names = path.read_text(encoding="ascii").splitlines()[0].split(",")
    differences = np.loadtxt(path, delimiter=",", skiprows=1)
    drawn = figure(8, 3.5)
    axes = drawn.subplots()
    iterations = np.arange(1, len(differences) + 1)
    for name, values in zip(names, differences.T, strict=True):
        axes.plot(iterations, np.maximum(values, 1e-17), linewidth=1, label=name)
    axes.axhline(ALLOWED, color=GREY, linestyle="--", linewidth=1)
    axes.set_yscale("log")
    axes.set_ylim(1e-17, 1e-8)
    axes.set_xlabel("iteration")
    axes.legend(ncols=2, loc="upper left", bbox_to_anchor=(0, 0.86))
    save(drawn, "parity")
