"""`python -m pytorch_gan train | generate`."""

import os
from dataclasses import replace

from common.command_line.framework import Framework, Implementation
from common.command_line.main import main
from common.engines import ENGINES


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


# torchrun says by these variables what it has started.
FRAMEWORK = Framework(
    ENGINES["PyTorch"],
    load,
    processes=int(os.environ.get("WORLD_SIZE", 0)),
    number=int(os.environ.get("RANK", 0)),
)

if __name__ == "__main__":
    main(FRAMEWORK)
