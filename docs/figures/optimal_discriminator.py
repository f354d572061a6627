"""The best discriminator between two densities, and the Jensen-Shannon divergence while they move apart.

Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661: proposition 1 and theorem 1.
"""

import numpy as np

from docs.figures import style

X = np.linspace(-12, 16, 701)
DISTANCE = 2.0  # between the means in the left panel; both standard deviations are 1


def gaussian(mean: float) -> np.ndarray:
    """The density of N(mean, 1) at X."""
    return np.exp(-((X - mean) ** 2) / 2) / np.sqrt(2 * np.pi)


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """JS(p, q) in nats: half of KL(p, m) + KL(q, m), m being the mean of both."""
    m = (p + q) / 2
    terms = [a * np.log(np.divide(a, m, out=np.ones_like(a), where=a > 0)) for a in (p, q)]
    return float(np.trapezoid(sum(terms), X)) / 2


def main() -> None:
    """On the left both densities and D*, on the right JS over their distance."""
    drawn = style.figure(8, 3.8)
    left, right = drawn.subplots(1, 2)

    p_data, p_g = gaussian(0), gaussian(DISTANCE)
    left.fill_between(X, p_data, color=style.BLUE, alpha=0.35, linewidth=0, label="$p_{data}$")
    left.plot(X, p_g, color=style.ORANGE, linewidth=2, label="$p_g$")
    left.plot(X, p_data / (p_data + p_g), color=style.GREEN, linewidth=2, label="$D^*(x)$")
    left.axhline(0.5, color=style.GREY, linewidth=0.8, linestyle=":")
    left.set(xlabel="$x$", xlim=(-3.5, 5.5), ylim=(0, 1.03), yticks=[0, 0.5, 1])
    left.legend(loc="upper right")

    distances = np.linspace(0, 8, 81)
    right.plot(
        distances, [divergence(p_data, gaussian(one)) for one in distances], color=style.PURPLE, linewidth=2
    )
    right.plot(DISTANCE, divergence(p_data, p_g), "o", color=style.PURPLE)
    right.axhline(np.log(2), color=style.GREY, linewidth=0.8, linestyle=":")
    right.set(
        xlabel=r"$\mu_g - \mu_{data}$",
        ylabel=r"$JS(p_{data}, p_g)$",
        ylim=(0, 0.74),
        yticks=[0, 0.2, 0.4, 0.6, np.log(2)],
        yticklabels=["0", "0.2", "0.4", "0.6", r"$\ln 2$"],
    )
    style.save(drawn, "optimal_discriminator")
