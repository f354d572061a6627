"""`python -m common.quality`: measures, for scale, what real images and an untrained generator reach."""

from dataclasses import asdict
from typing import NoReturn

from common.checkpoint import initial_arrays
from common.command_line.program import Parser, carry_out
from common.config import Config
from common.data import mnist
from common.feed import Purpose, draw_noise
from common.networks import networks
from common.quality.metrics import SAMPLES, load_reference, measure, measure_real
from common.quality.quality import SCALE, header, write


def main() -> NoReturn:
    """Measure the scale and keep it, and exit."""
    carry_out(measure_scale)


def measure_scale() -> int:
    """Make the file of the scale anew; return the exit status."""
    Parser(
        prog="python -m common.quality",
        description=f"Measure real images and an untrained generator, into {SCALE.name}.",
    ).parse_args()
    reference = load_reference(mnist.default_data_dir())
    config = Config()
    _, generator = networks(config)
    noise = draw_noise(0, Purpose.METRIC_NOISE, SAMPLES, config.noise_dim)
    untrained = generator(initial_arrays(config), noise)
    write(
        {
            **header(iteration=0),
            "real images": asdict(measure_real(reference)),
            "untrained generator": asdict(measure(untrained, reference, "untrained generator")),
        },
        SCALE,
    )
    return 0


if __name__ == "__main__":
    main()
