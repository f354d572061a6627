"""`python -m tests.parity_curves`: how far each framework is from PyTorch at every iteration, in float64.

The same trainings as in `test_losses_agree_at_every_iteration`; the largest difference of both losses, D(x)
and D(G(z)) goes to docs/figures/parity.csv, for docs/figures/parity.py to draw.
"""

import numpy as np

from common.data.mnist import REPOSITORY
from common.engines import ENGINES
from tests.frameworks import Player
from tests.test_parity import CONFIG, INITIAL, ITERATIONS


def free_running_losses(name: str) -> np.ndarray:
    """(iterations, 4), trained in a process of its own."""
    player = Player(name, "float64")
    losses: np.ndarray = player.run(CONFIG, INITIAL, 0, ITERATIONS, with_masks=True).losses
    player.stop()
    return losses


def main() -> None:
    """Train in all frameworks and write the file."""
    losses = {name: free_running_losses(name) for name in ENGINES}
    first, *others = losses
    columns = [np.abs(losses[other] - losses[first]).max(axis=1) for other in others]
    path = REPOSITORY / "docs" / "figures" / "parity.csv"
    np.savetxt(path, np.transpose(columns), "%.1e", ",", header=",".join(others), comments="")


if __name__ == "__main__":
    main()
