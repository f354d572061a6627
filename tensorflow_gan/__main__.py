"""`python -m tensorflow_gan train | generate`."""

import os

from common.command_line.framework import Framework, Implementation
from common.command_line.main import main
from common.engines import ENGINES


def load() -> Implementation:
    """Import TensorFlow."""
    # Else TensorFlow would import Keras, and stop at whatever is wrong in Keras' settings.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ["KERAS_HOME"] = os.devnull  # where no keras.json is
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no notices about what it could also use
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # no more of a GPU's memory than it needs
    from tensorflow_gan import device, training, variants

    return Implementation(
        select_device=device.select,
        environment=device.environment,
        make_gan=variants.make_gan,
        train=training.train,
        generate=variants.generate_from,
    )


FRAMEWORK = Framework(ENGINES["TensorFlow"], load)

if __name__ == "__main__":
    main(FRAMEWORK)
