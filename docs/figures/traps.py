"""What one silent difference between frameworks does to a training.

The GAN of pytorch_gan is trained in float64, once right and once with each trap switched on, from the same
weights, batches, noises and dropout masks. Drawn is how far the losses are from the right ones at every
iteration: max(|d_loss - right|, |g_loss - right|). The band is what the frameworks themselves differ by,
from docs/en/proof.md. `python -m docs.figures.traps` prints some of it: the table in
docs/en/11-three-frameworks.md.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from common.checkpoint import Checkpoint, initial_arrays
from common.config import Config
from common.data.mnist import scikit_learn_digits
from common.feed import Feed
from docs.figures import style
from pytorch_gan import layers, networks
from pytorch_gan.exchange import load_arrays
from pytorch_gan.training import GAN
from pytorch_gan.variants import make_gan

CONFIG = Config(batch_size=16)
ITERATIONS = 200
IN_THE_TABLE = (1, 2, 10, 100, 200)
ROUNDING = (1e-14, 1e-13)  # between frameworks
COLOURS = ("#db2777", style.RED, style.ORANGE, style.PURPLE, style.BLUE, style.GREEN, style.GREY)

Correction = Callable[[float, int], float]  # beta, t -> 1 - beta^t
Patch = tuple[Any, str, Any]  # where, name, what


def exact(beta: float, t: int) -> float:
    """The bias correction."""
    return 1 - beta**t


def in_float32(beta: float, t: int) -> float:
    """The same in float32: 1 - 0.999 is 0.00099998713."""
    return float(np.float32(1) - np.float32(beta) ** np.float32(t))


class Adam(torch.optim.Adam):
    """PyTorch's Adam, which is right, given such a rate and epsilon that it makes somebody else's update."""

    def __init__(
        self, *arguments: Any, hat: float = 0, correction: Correction = exact, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.hat = hat  # an epsilon that is added before the bias correction
        self.correction = correction

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update the weights."""
        group = self.param_groups[0]
        t = int(self.state[group["params"][0]]["step"]) + 1
        m_error, v_error = (exact(beta, t) / self.correction(beta, t) for beta in group["betas"])
        group["lr"] = CONFIG.lr * m_error / v_error**0.5
        group["eps"] = self.hat / exact(CONFIG.beta2, t) ** 0.5 if self.hat else 1e-8 / v_error**0.5
        super().step(closure)


def adam(**trap: Any) -> list[Patch]:
    """Another Adam in the place of PyTorch's."""
    return [(torch.optim, "Adam", partial(Adam, **trap))]


def clipped(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of probabilities that are kept away from 0 and 1."""
    return nn.functional.binary_cross_entropy(torch.sigmoid(logits).clamp(1e-7, 1 - 1e-7), labels)


def keep_rate(dropout: type[nn.Module]) -> list[Patch]:
    """Dropout whose 0.3 is the share that is kept."""
    return [(networks, "Dropout", lambda rate: dropout(1 - rate))]


TRAPS: dict[str, list[Patch]] = {
    "dropout(keep=0.3)": keep_rate(layers.Dropout),
    "Adam(eps_hat=1e-7)": adam(hat=1e-7),
    "Adam(eps_hat=1e-8)": adam(hat=1e-8),
    "float32(1 - beta^t)": adam(correction=in_float32),
    "float32(slope)": [(layers, "SLOPE", float(np.float32(layers.SLOPE)))],
    "clip(D, 1e-7)": [(nn.functional, "binary_cross_entropy_with_logits", clipped)],
}


def trained(
    patches: list[Patch], config: Config = CONFIG, dtype: torch.dtype = torch.float64
) -> tuple[GAN, np.ndarray]:
    """The GAN after training, and (iterations, 2): d_loss and g_loss."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    with ExitStack() as stack:
        stack.callback(torch.set_default_dtype, before)
        for patch in patches:
            stack.enter_context(mock.patch.object(*patch))
        gan = make_gan(config, torch.device("cpu"))
        load_arrays(gan, Checkpoint(0, config.as_dict(), initial_arrays(config)))
        images = scikit_learn_digits()
        feed = Feed(config, images.pixels, images.labels)
        losses = []
        for iteration in range(ITERATIONS):
            torch.manual_seed(feed.dropout_seed(iteration))
            metrics = gan.train_step(*(torch.tensor(array, dtype=dtype) for array in feed.batch(iteration)))
            losses.append([metrics["d_loss"].item(), metrics["g_loss"].item()])
    return gan, np.array(losses)


def main() -> None:
    """Train all, print the table, draw the curves."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # how sums are rounded depends on it
    _, right = trained([])
    found = {name: trained(patches)[1] for name, patches in TRAPS.items()}
    _, found["float32"] = trained([], dtype=torch.float32)
    torch.set_num_threads(threads)
    errors = {name: np.abs(values - right).max(axis=1) for name, values in found.items()}

    for name, error in errors.items():
        print(f"{name:18}", *(f"{error[iteration - 1]:.0e}" for iteration in IN_THE_TABLE), sep="  ")
    draw(errors)


def draw(errors: dict[str, np.ndarray]) -> None:
    """A curve each, with its name where it ends."""
    drawn = style.figure(8, 4.8)
    axes = drawn.subplots()
    axes.axhspan(*ROUNDING, color=style.GREY, alpha=0.25, linewidth=0)
    for (name, error), colour in zip(errors.items(), COLOURS, strict=True):
        dashes = "--" if name == "float32" else "-"
        axes.plot(np.arange(1, ITERATIONS + 1), error, dashes, color=colour, linewidth=1.3, label=name)
    axes.set_yscale("log")
    axes.set_ylim(1e-16, 3)
    axes.set_xlim(0, ITERATIONS)
    axes.set_xlabel("iteration")
    axes.set_ylabel("max(|d_loss - right|, |g_loss - right|)")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    style.save(drawn, "traps")


if __name__ == "__main__":
    main()
