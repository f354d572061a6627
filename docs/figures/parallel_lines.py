"""Two distributions that never meet: the points of two upright lines, a distance theta apart.

Arjovsky et al., "Wasserstein GAN", 2017, arXiv:1701.07875, example 1. The Jensen-Shannon divergence is
ln 2 however near they are, and has no slope; the Wasserstein distance is |theta|.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from docs.figures import style

HEIGHTS = (np.arange(64) + 0.5) / 64  # of the points of a line
THETAS = np.linspace(-1, 1, 81)
SHOWN = 0.6  # theta in the left panel


def line(theta: float) -> np.ndarray:
    """The points of a line at x = theta: (N, 2)."""
    return np.column_stack([np.full_like(HEIGHTS, theta), HEIGHTS])


def jensen_shannon(p_points: np.ndarray, q_points: np.ndarray) -> float:
    """JS of two sets of points, all of the same probability, in nats."""
    points = {tuple(point) for point in (*p_points, *q_points)}
    p, q = (
        np.array([np.all(one == np.array(point), axis=1).mean() for point in points])
        for one in (p_points, q_points)
    )
    m = (p + q) / 2
    terms = [a * np.log(np.divide(a, m, out=np.ones_like(a), where=a > 0)) for a in (p, q)]
    return float(np.sum(terms)) / 2


def wasserstein(p_points: np.ndarray, q_points: np.ndarray) -> float:
    """The mean way from one set of points to the other, each point to one of its own, by the best plan."""
    ways = cdist(p_points, q_points)
    return float(ways[linear_sum_assignment(ways)].mean())


def main() -> None:
    """The lines, and both distances over theta."""
    drawn = style.figure(8, 3.2)
    lines, js, w = drawn.subplots(1, 3)
    lines.plot(*line(0).T, color=style.BLUE, linewidth=4, label="$p_{data}$")
    lines.plot(*line(SHOWN).T, color=style.ORANGE, linewidth=4, label="$p_g$")
    lines.text(SHOWN / 2, 0.5, r"$\theta$", ha="center", va="bottom")
    lines.annotate("", (0, 0.5), (SHOWN, 0.5), arrowprops={"arrowstyle": "<->", "color": style.GREY})
    lines.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(-1, 1), xticks=[-1, 0, 1], yticks=[0, 1])
    lines.legend(loc="upper left", fontsize=10)

    divergences = np.array([jensen_shannon(line(0), line(theta)) for theta in THETAS])
    js.plot(THETAS, np.where(THETAS == 0, np.nan, divergences), color=style.PURPLE, linewidth=2)
    js.plot(0, 0, "o", color=style.PURPLE)
    js.set(title="$JS(p_{data}, p_g)$", yticks=[0, np.log(2), 1], yticklabels=["0", r"$\ln 2$", "1"])

    w.plot(THETAS, [wasserstein(line(0), line(theta)) for theta in THETAS], color=style.GREEN, linewidth=2)
    w.set(title="$W(p_{data}, p_g)$", yticks=[0, 0.5, 1])

    for axes in (js, w):
        axes.axvline(SHOWN, color=style.ORANGE, linestyle=":")
        axes.set(xlabel=r"$\theta$", xlim=(-1, 1), xticks=[-1, 0, 1], ylim=(-0.04, 1.04))
    style.save(drawn, "parallel_lines")
