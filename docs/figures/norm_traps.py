"""What the silent differences of batch normalisation do: to the losses, and to the images.

As in traps.py, the DCGAN of pytorch_gan is trained in float64, once right and once with each trap. A row of
pictures each: the same noises after the training. `python -m docs.figures.norm_traps` prints how far from the
right ones losses are on the way, and pixels at the end: the table in docs/en/14-convolutions.md.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from common.feed import Purpose, draw_noise
from common.runs.grid import image_grid, save_picture
from docs.figures.style import FOLDER
from docs.figures.traps import CONFIG, Patch, trained

DCGAN = replace(CONFIG, networks="convolutional")
IN_THE_TABLE = (1, 2, 10, 100)
ROWS = ("right", "statistics of 4", "eps=1e-3", "running 0.99")
COLUMNS = 12


class BiasedNorm(nn.BatchNorm2d):
    """Batch normalisation whose running variance follows the batch's own, not m / (m - 1) times that."""

    running_var: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        before = self.running_var.clone()
        y = super().forward(x)
        if self.training:
            m = x.numel() / x.shape[1]
            self.running_var = before * 0.9 + (self.running_var - before * 0.9) * (m - 1) / m
        return y


def norm(**trap: Any) -> list[Patch]:
    """Another batch normalisation in the place of PyTorch's."""

    class TrappedNorm(nn.BatchNorm2d):
        def __init__(self, channels: int, **options: Any) -> None:
            super().__init__(channels, **{**options, **trap})

    return [(nn, "BatchNorm2d", TrappedNorm)]


TRAPS: dict[str, list[Patch]] = {
    "right": [],
    "eps=1e-3": norm(eps=1e-3),
    "running 0.99": norm(momentum=0.01),
    "running 0.1": norm(momentum=0.9),
    "biased variance": [(nn, "BatchNorm2d", BiasedNorm)],
}


def main() -> None:
    """Train all, print the table, draw the pictures."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # how sums are rounded depends on it
    noise = torch.tensor(draw_noise(0, Purpose.SAMPLE_NOISE, 64, DCGAN.noise_dim), dtype=torch.float64)
    losses, images = {}, {}
    with torch.no_grad():
        for name, patches in TRAPS.items():
            with torch.enable_grad():
                gan, losses[name] = trained(patches, DCGAN)
            images[name] = gan.generator.eval()(noise).numpy()
            if name == "right":
                images["statistics of 64"] = gan.generator.train()(noise).numpy()
                images["statistics of 4"] = torch.cat([gan.generator(z) for z in noise.split(4)]).numpy()
                losses |= dict.fromkeys(["statistics of 64", "statistics of 4"], losses["right"])
    torch.set_num_threads(threads)

    for name, made in images.items():
        errors = np.abs(losses[name] - losses["right"]).max(axis=1)
        of_losses = (f"{errors[iteration - 1]:.0e}" for iteration in IN_THE_TABLE)
        print(f"{name:18}", *of_losses, f"{np.abs(made - images['right']).mean():.4f}", sep="  ")
    shown = np.concatenate([images[name][:COLUMNS] for name in ROWS])
    save_picture(image_grid(shown, "", columns=COLUMNS), FOLDER / "norm_traps.png")
