"""`python -m pytorch_gan train | generate`."""

import os
from dataclasses import replace

from common.command_line.framework import Framework, Implementation, Place
from common.command_line.main import main
from common.engines import ENGINES
from common.errors import UsageError


def load(devices: int = 1) -> Implementation:
    """Import PyTorch, to compute on so many devices."""
    from pytorch_gan import device, training, variants

    implementation = Implementation(
        select_device=device.select,
        environment=device.environment,
        make_gan=variants.make_gan,
        train=training.train,
        generate=variants.generate_from,
    )
    if devices > 1:
        from pytorch_gan import distribution

        implementation = replace(
            implementation,
            select_device=distribution.select,
            make_gan=distribution.make_gan,
            train=distribution.train,
            launch=distribution.launch,
            from_first=distribution.from_first,
        )
    return implementation


def place() -> Place:
    """What torchrun says of the processes that it has started.

    Raises:
        UsageError: the variables say something else.
    """
    try:
        return Place(int(os.environ.get("WORLD_SIZE", 0)), int(os.environ.get("RANK", 0)))
    except ValueError:
        raise UsageError(
            "The environment's WORLD_SIZE and RANK, by which torchrun says what it has started, must be "
            "whole numbers; unset them to train in one process."
        ) from None


FRAMEWORK = Framework(ENGINES["PyTorch"], load, place)

if __name__ == "__main__":
    main(FRAMEWORK)
