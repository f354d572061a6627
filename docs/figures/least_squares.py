"""Least squares beside cross-entropy: the generator's two losses, and two runs.

Mao et al., "Least Squares Generative Adversarial Networks", 2016, arXiv:1611.04076. The runs are those of
`docs/figures/failures/healthy.csv` and of `docs/figures/least_squares/lsgan.csv`, which was made on MNIST by

    python -m pytorch_gan train --dataset mnist --loss least-squares --steps 2000 --run runs/lsgan

`python -m docs.figures.least_squares runs/lsgan` keeps that run first. With any run it prints what gets from
the discriminator to the generator.
"""

import sys
from math import log
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from common.feed import Purpose, draw_noise
from common.runs.run import Run
from docs.figures import failures
from docs.figures.failures import draw_curves, keep
from docs.figures.style import BLUE, FOLDER, GREY, ORANGE, figure, save
from pytorch_gan.exchange import load_arrays
from pytorch_gan.variants import make_gan

KEPT = FOLDER / "least_squares"
L = np.linspace(-4, 5, 181)
ROWS = {  # title -> the kept run, what D and G lose where D knows nothing, and the loss' upper limit
    "--recipe gan": (failures.KEPT / "healthy", 2 * log(2), log(2), 4),
    "--loss least-squares": (KEPT / "lsgan", 1 / 4, 1 / 8, 0.8),
}


def what_gets_through(run: Run) -> str:
    """Of the discriminator's answers to 256 generated images: their mean, and their gradient by the image."""
    gan = make_gan(run.config, torch.device("cpu"))
    load_arrays(gan, run.newest_checkpoint())
    gan.discriminator.eval()
    noise = torch.tensor(draw_noise(0, Purpose.METRIC_NOISE, 256, run.config.noise_dim))
    images = gan.generator(noise).detach().requires_grad_()
    logits = gan.discriminator.logits(images)
    (slopes,) = torch.autograd.grad(logits.sum(), images)
    through_tanh = slopes * (1 - images**2)
    return (
        f"after {run.newest_checkpoint().iteration}: D(G(z)) {gan.output(logits).mean():.2f}, "
        f"slope {slopes.norm(dim=1).median():.3f}, through tanh {through_tanh.norm(dim=1).median():.2g}, "
        f"pixels at its ends {(images.abs() > 0.999).float().mean():.1%}"
    )


def main() -> None:
    """Draw the losses, then the runs."""
    drawn = figure(8, 3.4)
    losses, gradients = drawn.subplots(1, 2)
    losses.plot(L, np.log1p(np.exp(-L)), color=BLUE, linewidth=2, label=r"$-\log \sigma(l)$")
    losses.plot(L, (L - 1) ** 2 / 2, color=ORANGE, linewidth=2, label=r"$\frac{1}{2} (l - 1)^2$")
    losses.set(xlabel="$l$", title="$L_G$", ylim=(-0.1, 5))
    losses.legend(loc="upper right")
    gradients.plot(L, -1 / (1 + np.exp(L)), color=BLUE, linewidth=2, label=r"$\sigma(l) - 1$")
    gradients.plot(L, L - 1, color=ORANGE, linewidth=2, label="$l - 1$")
    gradients.axhline(0, color=GREY, linewidth=0.8)
    gradients.set(xlabel="$l$", title="$dL_G / dl$", ylim=(-3.2, 3.2))
    gradients.legend(loc="upper left")
    save(drawn, "least_squares-losses")

    drawn = figure(8, 4.2)
    axes = drawn.subplots(len(ROWS), 3, width_ratios=(1.5, 1.5, 1))
    for (title, (path, d_line, g_line, top)), (losses, outputs, picture) in zip(
        ROWS.items(), axes, strict=True
    ):
        kept = np.genfromtxt(path.with_suffix(".csv"), delimiter=",", names=True)
        draw_curves(losses, kept, {"d_loss": BLUE, "g_loss": ORANGE})
        draw_curves(outputs, kept, {"d_real": BLUE, "d_fake": ORANGE})
        losses.axhline(d_line, color=BLUE, linestyle=":")
        losses.axhline(g_line, color=ORANGE, linestyle=":")
        losses.set_ylim(0, top)
        outputs.axhline(1 / 2, color=GREY, linestyle=":")
        outputs.set_ylim(-0.1, 1.35)
        losses.set_title(title, loc="left", family="monospace", fontsize=10)
        with Image.open(path.with_suffix(".png")) as file:
            picture.imshow(np.asarray(file), cmap="gray", interpolation="none")
        picture.set_axis_off()
    axes[0][0].legend(["d_loss", "g_loss"], loc="upper right", ncols=2, handlelength=1, fontsize=9)
    axes[0][1].legend(["D(x)", "D(G(z))"], loc="upper right", ncols=2, handlelength=1, fontsize=9)
    save(drawn, "least_squares-runs")


if __name__ == "__main__":
    for folder in map(Path, sys.argv[1:]):
        if folder.name == "lsgan":
            keep(folder, KEPT)
        print(folder, what_gets_through(Run.open(folder)))
    main()
