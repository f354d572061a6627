"""`make export`: a trained network in a file that needs nothing of this repository.

safetensors   weights in float16 and what to do with them, read by the page "play" of the tutorial
onnx          the network itself, in float32, for ONNX Runtime and whatever else reads ONNX
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import numpy as np
import safetensors.numpy

from common.checkpoint import Arrays, Checkpoint
from common.command_line.main import WEIGHTS
from common.command_line.program import Parser, add_setting, carry_out
from common.config import Config, Setting
from common.errors import GanError, UsageError
from common.machine.files import replacing, user_path
from common.networks import Network, networks
from common.runs.run import Run, run_path

FORMAT = "gan-step-by-step network 1"
NETWORK = Setting("which of the two networks", choices=("generator", "discriminator"), kind=str)
SUFFIX = Setting("what to write", choices=("safetensors", "onnx"), kind=str)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Carry out the command line and exit."""
    carry_out(lambda: export(arguments))


def export(arguments: Sequence[str] | None) -> int:
    """Write the file; return the exit status."""
    options = build_parser().parse_args(arguments)
    out = options.out or Path(f"{options.network}.{options.format}")
    if not out.parent.is_dir():
        raise UsageError(f"There is no folder {out.parent}; create it, or name another place with --out.")
    run = Run.open(options.run)
    if not run.checkpoint_paths():
        raise UsageError(f"The run in {run.folder} has no checkpoint; train it for longer, or name another.")
    state = run.newest_checkpoint()
    network, arrays = chosen(state, options.network, options.weights)
    about = {
        "iteration": str(state.iteration),
        "data": run.record["data"]["title"],
        "config": json.dumps(state.config),
    }
    if options.format == "onnx":
        content = onnx_writer()(network, arrays, run.config, about)
    else:
        content = to_safetensors(network, arrays, about)
    with replacing(out) as temporary:
        temporary.write_bytes(content)
    print(
        f"Wrote {out}: the {network.name} after {state.iteration:,} iterations on {about['data']}, "
        f"{len(content) / 1e6:.1f} MB."
    )
    return 0


def build_parser() -> Parser:
    """The options."""
    parser = Parser(
        prog="python -m common.export",
        description="Write a network of a run, as its newest checkpoint has it, into a file that needs "
        "nothing of this repository.",
        allow_abbrev=False,
    )
    parser.add_argument("--run", metavar="DIR", type=run_path, required=True, help="the run's folder")
    add_setting(parser, "--format", SUFFIX, "safetensors")
    add_setting(parser, "--network", NETWORK, "generator")
    add_setting(parser, "--weights", WEIGHTS, "last")
    parser.add_argument(
        "--out", metavar="PATH", type=user_path, help="the file (default: generator.onnx and the like)"
    )
    return parser


def chosen(state: Checkpoint, name: str, weights: str) -> tuple[Network, Arrays]:
    """The network of this name, and arrays among which its weights are.

    Args:
        weights: last, or averaged.

    Raises:
        UsageError: `state` does not have them.
    """
    discriminator, generator = networks(Config(**state.config))
    if name == "discriminator":
        if not state.has_discriminator:
            raise UsageError(
                "Of this run the generator alone was kept; leave out --network, or name another run."
            )
        if weights == "averaged":
            raise UsageError("Averages are kept of the generator alone; leave out --weights or --network.")
        return discriminator, state.arrays
    return generator, state.generator(weights)


def onnx_writer() -> Callable[[Network, Arrays, Config, Mapping[str, str]], bytes]:
    """`to_onnx` of `common/onnx_graph.py`.

    Raises:
        GanError: onnx is not installed.
    """
    try:
        from common.onnx_graph import to_onnx
    except ImportError as error:
        raise GanError(f"onnx cannot be imported ({error}); `make export` installs it.") from None
    return to_onnx


def to_safetensors(
    network: Network, arrays: Arrays, about: Mapping[str, str], dtype: type = np.float16
) -> bytes:
    """A safetensors file with the weights under their canonical names.

    Its metadata has, beside `about`, the table of layers as JSON, each with its class as "kind".
    """
    layers = [{"kind": type(layer).__name__, **asdict(layer)} for layer in network.layers]
    metadata = {"format": FORMAT, "network": network.name, "layers": json.dumps(layers), **about}
    return safetensors.numpy.save({name: arrays[name].astype(dtype) for name in network.weights}, metadata)


if __name__ == "__main__":
    main()
