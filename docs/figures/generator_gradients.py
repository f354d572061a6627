"""Why the generator's loss is -log D: both losses and their gradients, over the logit l of a generated image.

D = sigmoid(l), so the gradient of log(1 - D) by l is -D and that of -log D is D - 1. Goodfellow et al.,
"Generative Adversarial Networks", 2014, arXiv:1406.2661, end of section 3.
"""

import numpy as np

from docs.figures import style

L = np.linspace(-8, 8, 321)


def main() -> None:
    """Losses on the left, gradients on the right."""
    d = 1 / (1 + np.exp(-L))
    drawn = style.figure(8, 3.8)
    losses, gradients = drawn.subplots(1, 2)

    losses.plot(L, np.log(1 - d), color=style.ORANGE, linewidth=2, label=r"$\log(1 - D)$")
    losses.plot(L, -np.log(d), color=style.BLUE, linewidth=2, label=r"$-\log D$")
    losses.set(xlabel="$l$", ylim=(-8, 8))
    losses.legend(loc="upper right")

    gradients.plot(L, -d, color=style.ORANGE, linewidth=2, label=r"$\frac{d}{dl} \log(1 - D) = -D$")
    gradients.plot(L, d - 1, color=style.BLUE, linewidth=2, label=r"$\frac{d}{dl} (-\log D) = D - 1$")
    gradients.set(xlabel="$l$", ylim=(-1.03, 0.45), yticks=[-1, -0.5, 0])
    gradients.legend(loc="upper center")

    # The same l as a probability, above both.
    for axes in (losses, gradients):
        above = axes.secondary_xaxis("top")
        above.set_xticks([-4.595, 0, 4.595], ["0.01", "0.5", "0.99"])
        above.set_xlabel("$D$")
    style.save(drawn, "generator_gradients")
