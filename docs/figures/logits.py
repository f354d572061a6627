"""A generated image's loss -log(1 - D) and its gradient over the logit l, in float32: from D and from l.

Above l = 16.6 sigmoid(l) is exactly 1 in float32. `python -m docs.figures.logits` also prints the tables of
docs/en/06-losses-and-optimisers.md.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from docs.figures.style import BLUE, GREY, ORANGE, PURPLE, figure, save

Loss = Callable[[Tensor, Tensor], Tensor]  # logits, labels -> the loss of each


def as_written(logits: Tensor, labels: Tensor) -> Tensor:
    """The formula, word for word."""
    p = torch.sigmoid(logits)
    return torch.where(labels == 1, -torch.log(p), -torch.log(1 - p))


def bce_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """PyTorch's from probabilities."""
    return functional.binary_cross_entropy(torch.sigmoid(logits), labels, reduction="none")


def clipped(logits: Tensor, labels: Tensor) -> Tensor:
    """What Keras computes from probabilities: they are kept 1e-7 away from 0 and 1."""
    p = torch.sigmoid(logits).clamp(1e-7, 1 - 1e-7)
    return -(labels * torch.log(p) + (1 - labels) * torch.log(1 - p))


def from_logits(logits: Tensor, labels: Tensor) -> Tensor:
    """What this project computes."""
    return functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")


def loss_and_gradient(loss: Loss, logits: Tensor, label: int) -> tuple[Tensor, Tensor]:
    """Of each of `logits` by itself."""
    logits = logits.detach().requires_grad_()
    losses = loss(logits, torch.full_like(logits, label))
    return losses.detach(), torch.autograd.grad(losses.sum(), logits)[0]


def main() -> None:
    """Draw both."""
    logits = torch.arange(12, 22, 0.004)
    one = logits[torch.sigmoid(logits) == 1].min().item()
    drawn = figure(8, 3.6)
    left, right = drawn.subplots(1, 2)
    lines: list[tuple[str, Loss, str, str, float]] = [
        ("BCEWithLogitsLoss", from_logits, BLUE, "-", 4),
        ("BCELoss", bce_loss, ORANGE, "-", 1.5),
        ("clip(p, 1e-7)", clipped, PURPLE, "--", 1.5),
    ]
    for label, loss, colour, style, width in lines:
        losses, gradients = loss_and_gradient(loss, logits, label=0)
        left.plot(logits, losses, style, color=colour, lw=width, label=label)
        right.plot(logits, gradients, style, color=colour, lw=width)
    left.set(xlabel="$l$", ylabel=r"$L = -\log(1 - D)$", ylim=(11, 23))
    right.set(xlabel="$l$", ylabel=r"$\mathrm{d}L\, /\, \mathrm{d}l$", ylim=(-0.1, 1.3))
    for ax in (left, right):
        ax.axvline(one, color=GREY, lw=1, ls=":")
    right.text(one + 0.15, 1.2, f"l = {one:.2f}\nsigmoid(l) = 1", va="center", size=10)
    left.legend(loc="lower right", fontsize=9)
    save(drawn, "logits")


def print_tables() -> None:
    """What becomes of both losses, as Markdown; in each cell the loss, then its gradient."""
    forms = (as_written, bce_loss, clipped, from_logits)
    for label, logits in ((0, (0, 10, 15, 16, 17, 20, 100)), (1, (0, -10, -16, -17, -20, -30, -100))):
        print()
        for logit in logits:
            at = torch.tensor([float(logit)])
            p = torch.sigmoid(at).item()
            cells = [str(logit), f"{p:.7g}" if p == 0 or p > 0.01 else f"{p:.2e}"]
            for form in forms:
                loss, gradient = loss_and_gradient(form, at, label)
                cells.append(f"{loss.item():.4g}, {gradient.item() + 0.0:.3g}")  # + 0 makes 0 of -0
            print("|", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
    print_tables()
