"""A GAN whose images are single numbers: p_data, p_g, D(x) and G(z) while both networks learn.

After figure 1 of Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661. Writes
`one_dimension.gif`, the film, and `one_dimension.svg`, four moments of it. Change the constants, run it again
with `python -m docs.figures one_dimension` and look.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from matplotlib.figure import Figure, SubFigure
from PIL import Image
from torch import Tensor, nn

from docs.figures import style
from pytorch_gan.training import discriminator_loss, generator_loss

MODES = [(0.4, -1.5, 0.5), (0.6, 1.5, 0.7)]  # p_data: share, mean and standard deviation of each Gaussian
ITERATIONS = 6000
BATCH_SIZE = 256
WIDTH = 32  # units in each of the two hidden layers
D_LR = 1e-2  # the discriminator learns faster, so that it stays near the best one
G_LR = 5e-4
MINIMAX = False  # True: the generator minimises log(1 - D(G(z))), as equation 1 of the paper has it
SEED = 0

FRAMES = 45
STILLS = [0, 100, 600, ITERATIONS]
X = np.linspace(-4, 4, 161)


@dataclass
class Moment:
    """Both networks after `iteration` iterations."""

    iteration: int
    p_g: np.ndarray  # at X
    d: np.ndarray  # D(X)
    arrows: np.ndarray  # some noises z, and G(z)


def p_data(x: np.ndarray) -> np.ndarray:
    """The density that the generator should learn."""
    densities = [
        share * np.exp(-(((x - mean) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))
        for share, mean, sd in MODES
    ]
    return np.sum(densities, axis=0)


def real_batch() -> Tensor:
    """Numbers (BATCH_SIZE, 1) drawn from p_data."""
    shares, means, sds = torch.tensor(MODES).T
    mode = torch.multinomial(shares, BATCH_SIZE, replacement=True)
    return torch.normal(means[mode], sds[mode])[:, None]


def network() -> nn.Sequential:
    """One number -> one number."""
    return nn.Sequential(
        nn.Linear(1, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 1)
    )


def density(samples: np.ndarray, window: float = 0.08) -> np.ndarray:
    """Their density at X: a narrow Gaussian around each sample."""
    distances = (X[:, None] - samples[None, :]) / window
    return np.exp(-(distances**2) / 2).mean(axis=1) / (window * math.sqrt(2 * math.pi))


def distance(p: np.ndarray, q: np.ndarray) -> float:
    """The total variation of two densities, half the area between them: 0 if equal, 1 if apart."""
    return float(np.abs(p - q).sum() * (X[1] - X[0]) / 2)


def look(iteration: int, discriminator: nn.Module, generator: nn.Module) -> Moment:
    """What both networks do now, to noises that are spread as N(0, 1) is."""
    noise = torch.distributions.Normal(0, 1).icdf((torch.arange(5000) + 0.5) / 5000)[:, None]
    with torch.no_grad():
        samples = generator(noise).numpy()[:, 0]
        d = torch.sigmoid(discriminator(torch.tensor(X, dtype=torch.float32)[:, None])).numpy()[:, 0]
    arrows = np.stack([noise.numpy()[:, 0], samples])[:, 50::100]
    return Moment(iteration, density(samples), d, arrows)


def train(moments: set[int]) -> Iterator[Moment]:
    """Play the game; yields those of its moments that are asked for."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    discriminator, generator = network(), network()
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=D_LR, betas=(0.5, 0.999))
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=G_LR, betas=(0.5, 0.999))

    for iteration in range(ITERATIONS + 1):
        if iteration in moments:
            yield look(iteration, discriminator, generator)

        fake = generator(torch.randn(BATCH_SIZE, 1)).detach()
        d_loss = discriminator_loss(discriminator(real_batch()), discriminator(fake))
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()

        fake_logits = discriminator(generator(torch.randn(BATCH_SIZE, 1)))
        # log(1 - D) = -log(1 + exp(l))
        g_loss = -nn.functional.softplus(fake_logits).mean() if MINIMAX else generator_loss(fake_logits)
        g_optimizer.zero_grad()
        g_loss.backward(inputs=list(generator.parameters()))
        g_optimizer.step()


def draw(moment: Moment, panel: Figure | SubFigure) -> None:
    """From below: noise goes through G and becomes p_g; D compares it with p_data."""
    upper, middle, lower = panel.subplots(3, 1, sharex=True, height_ratios=[3, 3, 2])
    real = p_data(X)
    both = real + moment.p_g
    best = np.divide(real, both, out=np.full_like(X, np.nan), where=both > 0.01)

    upper.set_title(f"$t = {moment.iteration:,}$".replace(",", "{,}"), loc="left", fontsize=11)
    upper.axhline(0.5, color=style.GREY, linewidth=0.8, linestyle=":")
    upper.plot(X, moment.d, color=style.GREEN, linewidth=2, label="$D(x)$")
    upper.plot(X, best, color=style.GREY, linewidth=1, label=r"$p_{data}/(p_{data} + p_g)$")
    upper.set(ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])

    middle.fill_between(X, real, color=style.BLUE, alpha=0.35, linewidth=0, label="$p_{data}$")
    middle.plot(X, moment.p_g, color=style.ORANGE, linewidth=2, label="$p_g$")
    middle.set(ylim=(0, 0.75), yticks=[0, 0.5])

    lower.plot(moment.arrows[::-1], [[1], [0]], color=style.ORANGE, alpha=0.5, linewidth=0.7)
    lower.set(xlim=(X[0], X[-1]), ylim=(0, 1), yticks=[0, 1], yticklabels=["$z$", "$G(z)$"])
    lower.grid(visible=False)


def name_curves(drawn: Figure) -> None:
    """One legend above, however many moments there are below."""
    upper, middle, *_ = drawn.axes
    handles, labels = upper.get_legend_handles_labels()
    more_handles, more_labels = middle.get_legend_handles_labels()
    drawn.legend(handles + more_handles, labels + more_labels, loc="outside upper center", ncols=4)


def frame(moment: Moment) -> Image.Image:
    """A picture of the film, on white: a GIF knows no half transparent pixels."""
    drawn = style.figure(5.6, 4.8)
    draw(moment, drawn)
    name_curves(drawn)
    file = BytesIO()
    drawn.savefig(file, format="png", facecolor="white", dpi=100)
    return Image.open(file).convert("RGB")


def main() -> None:
    """Train once, write both, print how far p_g is from p_data in the four moments."""
    film = [round(ITERATIONS * (number / (FRAMES - 1)) ** 2) for number in range(FRAMES)]  # slow at first
    moments = {moment.iteration: moment for moment in train({*film, *STILLS})}

    frames = [frame(moments[iteration]) for iteration in film]
    # One palette for all: what stands still is stored once.
    palette = frames[-1].quantize(24, Image.Quantize.MAXCOVERAGE)
    first, *rest = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in frames]
    durations = [150] * len(rest) + [3000]  # milliseconds
    first.save(
        style.FOLDER / "one_dimension.gif", save_all=True, append_images=rest, duration=durations, loop=0
    )

    for iteration in STILLS:
        print(f"t = {iteration:,}: distance {distance(p_data(X), moments[iteration].p_g):.2f}")

    strip = style.figure(8, 8)
    for iteration, panel in zip(STILLS, strip.subfigures(2, 2, squeeze=False).flat, strict=True):
        draw(moments[iteration], panel)
    name_curves(strip)
    style.save(strip, "one_dimension")
