"""`python -m tensorflow_gan train | generate`."""

import os

from common.cli import Framework, Implementation, main


def load() -> Implementation:
    """Import TensorFlow."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no notices about what it could also use
    from tensorflow_gan import device, networks, training

    return Implementation(
        select_device=device.select,
        environment=device.environment,
        train=training.train,
        generate=networks.generate_from,
    )


FRAMEWORK = Framework(package="tensorflow_gan", title="TensorFlow", short_name="tf", load=load)

if __name__ == "__main__":
    main(FRAMEWORK)
