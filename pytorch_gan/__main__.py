"""`python -m pytorch_gan train | generate`."""

from common.command_line.framework import Framework, Implementation
from common.command_line.main import main
from common.engines import ENGINES


def load() -> Implementation:
    """Import PyTorch."""
    from pytorch_gan import device, training, variants

    return Implementation(
        select_device=device.select,
        environment=device.environment,
        make_gan=variants.make_gan,
        train=training.train,
        generate=variants.generate_from,
    )


FRAMEWORK = Framework(ENGINES["PyTorch"], load)

if __name__ == "__main__":
    main(FRAMEWORK)
