"""What a critic is held to, and what its loss says: slopes, and losses beside the quality of the images.

Drawn from `critic.csv`, which has a row for each state of three runs, made on MNIST with seed 0 by

    python -m pytorch_gan train --dataset mnist --run runs/NAME --recipe wgan-gp --steps 100
    python -m docs.figures.critic runs/NAME        adds a row
    python -m pytorch_gan train --run runs/NAME --resume --steps 250
    ...

and the same with `--gradient-penalty 0.01`, and with `--recipe gan`.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from common.data import datasets
from common.data.mnist import default_data_dir
from common.feed import Feed, Purpose, draw_noise
from common.networks import networks
from common.quality.judge import from_bytes, judge
from common.quality.metrics import SAMPLES, frechet_distance, from_generator, load_reference
from common.runs.run import Run
from docs.figures.style import BLUE, FOLDER, GREEN, GREY, ORANGE, figure, save
from pytorch_gan.exchange import load_arrays
from pytorch_gan.variants import make_gan

KEPT = FOLDER / "critic.csv"
BATCHES = 16  # of images between real and generated ones
SHARES = (0.05, 0.5, 0.95)  # of slopes
LAST = 50  # iterations in the mean of a loss
TICKS = (400, 200, 100, 50, 25)
HEADER = ("loss", "penalty_weight", "iteration", "low", "middle", "high", "frechet", "d", "g")


def slopes(run: Run) -> np.ndarray:
    """|dD(x)/dx| of the logits, at random places between real and generated images, without dropout."""
    state, data = run.newest_checkpoint(), datasets.load("mnist", default_data_dir())
    gan = make_gan(run.config, torch.device("cpu"))
    load_arrays(gan, state)
    gan.discriminator.eval()
    feed = Feed(run.config, data.pixels, data.labels)
    random = np.random.default_rng(0)
    norms = []
    for number in range(BATCHES):
        batch = feed.batch(state.iteration + number)
        real = torch.tensor(batch.real_images).reshape(-1, 784)
        noise = torch.tensor(batch.d_noise).reshape(-1, run.config.noise_dim)
        mixing = torch.tensor(random.random((len(real), 1), dtype=np.float32))
        fake: Tensor = gan.generator(noise).detach()
        images = (fake + mixing * (real - fake)).requires_grad_()
        (gradients,) = torch.autograd.grad(gan.discriminator.logits(images).sum(), images)
        norms.append(gradients.norm(dim=1).numpy())
    return np.concatenate(norms)


def frechet(run: Run) -> float:
    """The distance of its images to those of MNIST's test set."""
    _, generator = networks(run.config)
    noise = draw_noise(0, Purpose.METRIC_NOISE, SAMPLES, run.config.noise_dim)
    samples = generator(run.newest_checkpoint().arrays, noise)
    (_, made), (_, real) = (
        judge(pixels)
        for pixels in (from_generator(samples), from_bytes(load_reference(default_data_dir()).test))
    )
    return frechet_distance(made, real)


def keep(run: Run) -> None:
    """Add a row to `critic.csv`."""
    losses = run.losses()
    d = "distance" if run.config.loss == "wasserstein" else "d_loss"
    row = [
        *np.quantile(slopes(run), SHARES),
        frechet(run),
        losses[d][-LAST:].mean(),
        losses["g_loss"][-LAST:].mean(),
    ]
    is_new = not KEPT.exists()
    with KEPT.open("a", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        if is_new:
            rows.writerow(HEADER)
        rows.writerow(
            [
                run.config.loss,
                f"{run.config.gradient_penalty:g}",
                len(losses),
                *(f"{value:.5g}" for value in row),
            ]
        )


def main() -> None:
    """Draw slopes, and losses over the Fréchet distance."""
    kept = np.genfromtxt(KEPT, delimiter=",", names=True, dtype=None, encoding="ascii")
    step_1, weak, usual = (kept[kept["penalty_weight"] == weight] for weight in (0, 0.01, 10))

    drawn = figure(8, 3.4)
    axes = drawn.subplots()
    for run, colour, label in ((weak, ORANGE, r"$\lambda = 0.01$"), (usual, GREEN, r"$\lambda = 10$")):
        axes.fill_between(run["iteration"], run["low"], run["high"], color=colour, alpha=0.25, linewidth=0)
        axes.plot(run["iteration"], run["middle"], "o-", color=colour, label=label)
    axes.axhline(1, color=GREY, linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="iteration", ylabel=r"$\|\nabla_{\hat{x}} D(\hat{x})\|$")
    axes.set_ylim(0.5, 1000)
    axes.set_xticks(usual["iteration"], [f"{iteration:,}" for iteration in usual["iteration"]])
    axes.minorticks_off()
    axes.legend()
    save(drawn, "critic-slopes")

    drawn = figure(8, 3.6)
    left, right = drawn.subplots(1, 2)
    draw_losses(left, step_1, {"g": ("$L_G$", ORANGE), "d": ("$L_D$", BLUE)})
    draw_losses(right, usual, {"d": ("$W$", GREEN)})
    for one, title in ((left, "--recipe gan"), (right, "--recipe wgan-gp")):
        one.set_title(title, loc="left", family="monospace", fontsize=10)
        one.set(xlabel="Fréchet", xscale="log", xlim=(450, 20), ylim=(0, 1.1 * one.get_ylim()[1]))
        one.set_xticks(TICKS, map(str, TICKS))
        one.minorticks_off()
    save(drawn, "critic-quality")


def draw_losses(axes: Axes, run: np.ndarray, columns: dict[str, tuple[str, str]]) -> None:
    """Draw losses over the quality of the images, better ones at the right; the first with its iterations."""
    for column, (label, colour) in columns.items():
        axes.plot(run["frechet"], run[column], "o-", color=colour, label=label)
    first = next(iter(columns))
    for one in run:
        axes.annotate(
            f"{one['iteration']:,}",
            (one["frechet"], one[first]),
            (0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    axes.legend()


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        keep(Run.open(Path(folder)))
    main()
