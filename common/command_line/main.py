"""The command line, the same for every framework: `train` and `generate`."""

import argparse
import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from common.command_line.framework import DEVICE, Framework
from common.command_line.generate import Out, generate
from common.command_line.program import Parser, add_setting, carry_out
from common.command_line.train import train
from common.config import RECIPES, SEEDS, Config, Interval, Setting, option_name, settings, with_its_loss
from common.data import mnist
from common.errors import UsageError
from common.machine.files import user_path
from common.runs.run import RUNS, run_path


def in_words(recipe: Mapping[str, Any]) -> str:
    """What a recipe sets, as one would type it, with what its loss brings along."""
    options = {**recipe, **with_its_loss(recipe)}  # the loss before what it brings
    conditional = ["--conditional"] if options.pop("conditional", False) else []
    changed = [
        f"{option_name(name)} {value}" for name, value in options.items() if value != getattr(Config, name)
    ]
    return " ".join(changed + conditional) or "the defaults"


RECIPE = Setting(
    "settings that were tried together, each of which can still be given beside it: "
    + "; ".join(f"{name} is {in_words(recipe)}" for name, recipe in RECIPES.items()),
    choices=tuple(RECIPES),
    kind=str,
)
DEVICES = Setting(
    "train on so many devices of this machine, of the kind that --device names, each of which takes its "
    "share of every batch; a run may go on with another number",
    within=Interval(1),
)
EPOCHS = Setting(
    "train for so many passes over the images instead of --steps; 100 is the tutorial's full schedule, "
    "93,750 iterations of MNIST",
    within=Interval(1),
)
COUNT = Setting("images to generate", within=Interval(1, 100_000))
GENERATE_SEED = Setting("decides the noises", within=SEEDS)
WEIGHTS = Setting(
    "the generator's weights: those of the last iteration, or their moving average, which a run with "
    "--ema-decay keeps",
    choices=("last", "averaged"),
    kind=str,
)


def main(framework: Framework, arguments: Sequence[str] | None = None) -> NoReturn:
    """Carry out the command line and exit."""

    def command() -> int:
        options = parse(framework, arguments)
        return options.pop("command")(framework, options)

    carry_out(command)


def parse(framework: Framework, arguments: Sequence[str] | None) -> dict[str, Any]:
    """The options given, and under `command` the function to call with them.

    Raises:
        UsageError: there is no such option, or it cannot have that value.
    """
    namespace, unknown = build_parser(framework).parse_known_args(arguments)
    options = vars(namespace)
    help_text = options.pop("parser").format_help()
    if unknown and not unknown[0].startswith("-"):
        raise UsageError(f"{unknown[0]} is one word too many; see --help.")
    if unknown:
        wrong = unknown[0].partition("=")[0]
        known = re.findall(r"--([\w-]+)", help_text)
        near = difflib.get_close_matches(wrong.lstrip("-"), known, n=1, cutoff=0.7)
        hint = f"did you mean --{near[0]}?" if near else "see --help."
        raise UsageError(f"There is no option {wrong}; {hint}")
    return options


def build_parser(framework: Framework) -> Parser:
    """The whole command line of `framework`."""
    parser = Parser(
        prog=f"python -m {framework.engine.package}",
        description=f"Train the GAN in {framework.engine.title}, or generate images with a trained one.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="train | generate", required=True)
    add_train(commands, framework)
    add_generate(commands, framework)
    return parser


def add_train(commands: Any, framework: Framework) -> None:
    """Add `train`. Of the settings only those given are passed on: a resumed run keeps its own."""
    parser = commands.add_parser(
        "train",
        help="start a run, or go on with one",
        description="Start a run, or with --resume go on with one. Everything goes to the run's folder: "
        "configuration, losses, pictures, checkpoints. Ctrl-C stops early and saves.",
        allow_abbrev=False,
    )
    parser.set_defaults(command=train, parser=parser)
    length = parser.add_mutually_exclusive_group()
    add_setting(parser, "--recipe", RECIPE, default=None, shown_only=True)
    for name, about in settings().items():
        if about.option:
            parser.add_argument(
                about.option,
                action=argparse.BooleanOptionalAction,
                default=argparse.SUPPRESS,
                help=about.meaning,
            )
            continue
        group = length if name == "steps" else parser
        default = getattr(Config, name)
        add_setting(group, option_name(name), about, "all" if default is None else default, shown_only=True)
        if name == "steps":
            add_setting(length, "--epochs", EPOCHS, default=None)
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        type=user_path,
        default=mnist.default_data_dir(),
        help="where MNIST and the like are, or go: DIR/MNIST/raw and so on, as torchvision keeps them "
        "(default: the environment's GAN_DATA_DIR, else data in the repository)",
    )
    add_device(parser)
    add_setting(parser, "--devices", DEVICES, framework.place().processes or 1)
    runs = RUNS / framework.engine.short_name
    parser.add_argument(
        "--run",
        metavar="DIR",
        type=run_path,
        help="the run's folder, new or empty, or with --resume the one to go on with "
        f"(default: {runs}/<time>, with --resume the newest in {runs})",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the last checkpoint; on the same processor, with as many cores and the same "
        "versions the result is the same, bit for bit, as without a break; of a run that is complete, make "
        "film and chart again",
    )


def add_generate(commands: Any, framework: Framework) -> None:
    """Add `generate`."""
    parser = commands.add_parser(
        "generate",
        help="generate images with a trained generator",
        description="Generate images with the newest checkpoint of a run.",
        allow_abbrev=False,
    )
    parser.set_defaults(command=generate, parser=parser)
    parser.add_argument(
        "--run",
        metavar="DIR",
        type=run_path,
        help=f"the run's folder (default: the newest in {RUNS / framework.engine.short_name})",
    )
    add_setting(parser, "--count", COUNT, "64, or with --digit all 8 of each class", shown_only=True)
    parser.add_argument(
        "--digit",
        metavar="NAME",
        help="of a run that was trained with --conditional: which class to draw, such as 7, Sneaker or the "
        "name of a folder of your own images; or all, a column for each (default: all)",
    )
    add_setting(parser, "--seed", GENERATE_SEED, 0)
    add_setting(parser, "--weights", WEIGHTS, "last")
    parser.add_argument(
        "--interpolate",
        action="store_true",
        help="walk from one noise to another in --count images instead: a strip, or as .gif a film",
    )
    parser.add_argument(
        "--out",
        metavar="PATH",
        type=Out.typed,
        default="digits.png",
        help="one picture (.png), float32 images (count, 784) in [-1, 1] (.npy), or a new folder (/) for "
        "single images, each a PNG of 28 x 28 pixels (default: %(default)s)",
    )
    add_device(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add `--device`."""
    parser.add_argument(
        "--device",
        metavar="NAME",
        default=DEVICE,
        help="what computes: auto, cpu, gpu (or cuda), mps, with a number if there are several: gpu:1 "
        "(default: %(default)s, a GPU if there is one that can)",
    )
