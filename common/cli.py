"""The command line, the same for every framework: `train` and `generate`.

Whatever the user can put right ends in one sentence on stderr, without a traceback, and exit status 2
(the command line cannot be carried out) or 1 (carrying it out failed).
"""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Self

import numpy as np

from common import datasets, grid, machine, mnist
from common.checkpoint import Arrays, averaged
from common.config import SEEDS, Config, Interval, Setting, check, option_name, settings
from common.engines import Engine
from common.errors import GanError, UsageError, reason
from common.feed import Feed, Purpose, draw_noise, interpolate_noise
from common.files import replacing, user_path
from common.imports import shadow
from common.recorder import Recorder, alone_with, make_film_and_chart
from common.run import (
    RUNS,
    Run,
    iterations_per_second,
    make_new_folder,
    newest_run,
    point_latest_at,
    run_path,
    runs_in,
)
from common.streams import be_patient, silent_stderr

VERDICT_WINDOW = 500  # iterations in the last losses
DEVICE = "auto"
# What frameworks say, each in an exception of its own
OUT_OF_MEMORY = re.compile(
    r"out of memory|allocate memory|RESOURCE_EXHAUSTED|OOM when allocating", re.IGNORECASE
)


@dataclass(frozen=True)
class Implementation:
    """What a framework folder offers; `device` is whatever its `select_device` returns."""

    select_device: Callable[[str], Any]
    environment: Callable[[Any], dict[str, str]]
    train: Callable[[Config, Feed, Recorder, Any], None]
    generate: Callable[[Config, Arrays, np.ndarray, Any], np.ndarray]


@dataclass(frozen=True)
class Framework:
    """A framework folder, before its framework is imported."""

    engine: Engine
    load: Callable[[], Implementation]  # takes seconds: done once the options are known to be good


def main(framework: Framework, arguments: Sequence[str] | None = None) -> NoReturn:
    """Carry out the command line and exit."""

    def command() -> int:
        options = parse(framework, arguments)
        return options.pop("command")(framework, options)

    carry_out(command)


def carry_out(command: Callable[[], int]) -> NoReturn:
    """Exit with what `command` returns, or with a sentence that says what went wrong."""
    be_patient()
    try:
        status = command()
        sys.stdout.flush()  # a disk that is full says so now
    except GanError as error:
        print(f"error: {error}", file=sys.stderr)
        status = error.status
    except OSError as error:  # whatever was not foreseen; most often a disk that is full
        where = f" ({error.filename})" if error.filename else ""
        print(
            f"error: {reason(error)}{where}; free some space or check permissions, then try again (a run "
            "goes on with --resume).",
            file=sys.stderr,
        )
        status = 1
    except KeyboardInterrupt:
        status = 130
    except Exception as error:
        if not (isinstance(error, MemoryError) or OUT_OF_MEMORY.search(str(error))):
            raise
        print(
            "error: Not enough memory; try a smaller --batch-size, --noise-dim or --count.", file=sys.stderr
        )
        status = 1
    sys.exit(status)


def load(framework: Framework) -> Implementation:
    """`framework.load()`, without the notices that its compiled libraries write to stderr meanwhile.

    Raises:
        GanError: it is not installed.
    """
    machine.forbid_fewer_digits()
    try:
        with silent_stderr():
            return framework.load()
    except (ImportError, AttributeError) as error:
        if other := shadow(error):
            raise GanError(f"{other}.") from None
        if isinstance(error, AttributeError):
            raise
        raise GanError(
            f"{framework.engine.title} cannot be imported ({error}); "
            f"`{framework.engine.variables}make train-{framework.engine.short_name}` installs what it needs."
        ) from None


# train ------------------------------------------------------------------------------------------


def train(framework: Framework, options: dict[str, Any]) -> int:
    """Start a run or go on with one; return the exit status."""
    data_dir = options.pop("data_dir")
    device_name = options.pop("device")
    folder = options.pop("run")
    epochs = options.pop("epochs")

    resume = options.pop("resume")
    if resume:
        run = Run.open(folder or newest_run(framework.engine.short_name))
        dataset = recorded_dataset(run, options.pop("dataset", "auto"))
        config = with_epochs(resumed_config(run, options), epochs, run.record["data"]["images"])
        if run.iterations_saved == config.steps:
            return make_the_end_again(run)
        images = load_recorded_images(run, dataset, data_dir)
        config = replace(config, dataset=images.name)
    else:
        config = Config(**options)
        images = datasets.load(config.dataset, data_dir, config.train_limit)
        config = with_epochs(replace(config, dataset=images.name), epochs, len(images.pixels))
        check_batch_size(config, images)

    implementation = load(framework)
    device = implementation.select_device(device_name)
    environment = machine.describe() | implementation.environment(device)
    if resume:
        run.record["config"] = config.as_dict()
        run.record["data"]["name"] = images.name
        if changes := run.changes(framework.engine.title, environment):
            print(
                f"Notice: Since the last session this has changed: {'; '.join(changes)}. The run goes on, "
                "but perhaps not bit for bit as without a break.",
                file=sys.stderr,
            )
    else:
        run = Run.create(folder or make_new_folder(framework.engine.short_name), config, images)
        if folder is None:
            point_latest_at(run.folder)

    feed = Feed(images.pixels, config.batch_size, config.noise_dim, config.seed)
    with Recorder(run, framework.engine.title, environment) as recorder:
        print(
            f"Learning from {images.title}, {len(images.pixels):,} images. {framework.engine.title} computes "
            f"on {machine.device_in_words(environment)}. Watch {run.folder}"
        )
        implementation.train(config, feed, recorder, device)
    print(report(framework, run, recorder, data_dir, device_name))
    if recorder.signal_received and recorder.saved_iteration < config.steps:
        return 128 + recorder.signal_received
    return 0


def with_epochs(config: Config, epochs: int | None, images: int) -> Config:
    """`config` with the steps that so many passes over so many images take, if they are asked for."""
    return config if epochs is None else replace(config, steps=epochs * images // config.batch_size)


def make_the_end_again(run: Run) -> int:
    """Film and chart of a run that has done all its iterations; return the exit status.

    Raises:
        GanError: it has not kept what they are made from.
    """
    run.checkpoint_to_resume()
    with alone_with(run):
        make_film_and_chart(run)
    print(
        f"The run in {run.folder} has done {run.iterations_saved:,} iterations already: film and chart are "
        f"made again. Add --steps with a larger number to train it longer.\n{what_to_see(run)}"
    )
    return 0


def resumed_config(run: Run, options: dict[str, Any]) -> Config:
    """The run's configuration with those of `options` that may change in the middle of a run.

    Raises:
        UsageError: others differ from what the run began with.
    """
    recorded = run.config.as_dict()
    changed = [
        f"{option_name(name)} {recorded[name]} to {value}"
        for name, value in options.items()
        if value != recorded[name] and not settings()[name].may_change
    ]
    if changed:
        raise UsageError(
            f"A resumed run cannot change {' and '.join(changed)}; leave that out, or start a new run."
        )
    return replace(run.config, **options)


def recorded_dataset(run: Run, dataset: str) -> str:
    """The data set the run began with; `dataset` is auto, or names it again, or says where it is now.

    Raises:
        UsageError: it is another published data set.
        GanError: its folder is gone.
    """
    recorded = run.record["data"]["name"]
    if dataset not in ("auto", recorded) and dataset in datasets.NAMES:
        raise UsageError(
            f"A resumed run cannot change --dataset {recorded} to {dataset}; leave that out, or start a new "
            "run."
        )
    if dataset != "auto":
        return dataset
    if recorded not in datasets.NAMES and not Path(recorded).is_dir():
        raise GanError(f"The images of the run are not in {recorded} any more; say with --dataset where.")
    return recorded


def load_recorded_images(run: Run, dataset: str, data_dir: Path) -> mnist.Images:
    """The images the run began with.

    Raises:
        GanError: `dataset` has others now.
    """
    images = datasets.load(dataset, data_dir, run.config.train_limit)
    if images.sha256 != run.record["data"]["sha256"]:
        raise GanError(
            f"The {images.title} images on this machine are not those the run in {run.folder} began "
            "with; start a new run."
        )
    return images


def check_batch_size(config: Config, images: mnist.Images) -> None:
    """Raise `UsageError` if a batch is larger than the data."""
    available = len(images.pixels)
    if config.batch_size > available:
        raise UsageError(
            f"--batch-size must be at most {available}, the number of training images, not "
            f"{config.batch_size}."
        )


def report(framework: Framework, run: Run, recorder: Recorder, data_dir: Path, device_name: str) -> str:
    """How the session went, what to look at and what to type next."""
    done, seconds = recorder.saved_iteration, recorder.session["seconds"]
    rate = iterations_per_second([recorder.session])
    last = run.losses()[-VERDICT_WINDOW:]
    data = run.record["data"]["title"]
    where = [] if device_name == DEVICE else ["--device", device_name]
    if done < run.config.steps:
        verb = f"Stopped after {done:,} of {run.config.steps:,} iterations on {data}; the state is saved"
        words = ["train", "--resume", "--run", str(run.folder), *where, *mnist.data_dir_option(data_dir)]
    else:
        verb = f"Trained {done:,} iterations on {data}"
        words = ["generate", "--run", str(run.folder), "--out", f"{run.subject}.png", *where]
    losses = ", ".join(
        f"{column.short} {last[column.name].mean():.3f}" for column in run.objective.losses.columns
    )
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{verb}: {minutes} min {rest} s, {rate:.1f} iterations/s, last {len(last)} losses "
        f"{losses}.\n"
        f"{what_to_see(run)}\n"
        f"Next  {machine.python_line(['-m', framework.engine.package, *words], framework.engine.variables)}"
    )


def what_to_see(run: Run) -> str:
    """The film and the chart of a run."""
    outputs = " and ".join(column.title for column in run.objective.outputs.columns)
    return (
        f"See   {run.folder / 'samples.gif'}   {run.subject} appear out of noise\n"
        f"      {run.folder / 'losses.png'}   both losses, {outputs}"
    )


# generate ---------------------------------------------------------------------------------------

STRIP_COLUMNS = 16  # images in one row of an interpolation
AT_ONCE = 10_000  # images through the generator: 40 MB for its widest layer


def generate(framework: Framework, options: dict[str, Any]) -> int:
    """Write images from a run's generator; return the exit status."""
    out, count, seed = options["out"], options["count"], options["seed"]
    check_out(out, options["interpolate"])
    run = Run.open(options["run"] or newest_run(framework.engine.short_name))
    if not run.checkpoint_paths():
        others = [one for one in runs_in(run.folder.parent) if Run(one, record={}).checkpoint_paths()]
        hint = f", or name another with --run, such as {others[-1]}" if others else ""
        raise UsageError(f"The run in {run.folder} has no checkpoint yet; train it for longer{hint}.")
    state = run.newest_checkpoint()
    weights, note = state.arrays, ""
    if options["weights"] == "averaged":
        weights, note = averaged(state.arrays), ", averaged generator"
        if not weights:
            raise UsageError(
                f"The run in {run.folder} keeps no averaged weights; leave out --weights, or train a new run "
                "with --ema-decay 0.999."
            )
    noise_dim = run.config.noise_dim
    if options["interpolate"]:
        noise = interpolate_noise(seed, count, noise_dim)
    else:
        noise = draw_noise(seed, Purpose.GENERATED_NOISE, count, noise_dim)

    implementation = load(framework)
    device = implementation.select_device(options["device"])
    parts = [noise[start : start + AT_ONCE] for start in range(0, count, AT_ONCE)]
    images = np.concatenate([implementation.generate(run.config, weights, part, device) for part in parts])

    caption = run.caption(framework.engine.title, seed, state.iteration) + note
    if out.is_folder:
        grid.save_single_images(images, out.path)
    elif out.path.suffix.lower() == ".npy":
        with replacing(out.path) as temporary, temporary.open("wb") as file:
            np.save(file, images)
    elif out.path.suffix.lower() == ".gif":
        grid.save_film([grid.image_grid(image[np.newaxis], caption) for image in images], out.path)
    else:
        columns = min(count, STRIP_COLUMNS) if options["interpolate"] else None
        grid.save_picture(grid.image_grid(images, caption, columns), out.path)
    data = run.record["data"]["title"]
    print(f"Wrote {out.path}: {count} images after {state.iteration:,} iterations on {data}{note}.")
    return 0


class Out(NamedTuple):
    """Where generated images go: one file, or a file each in a folder."""

    path: Path
    is_folder: bool

    @classmethod
    def typed(cls, text: str) -> Self:
        """What someone typed: a folder ends in a slash, or is there already."""
        path = user_path(text)
        return cls(path, text.endswith(("/", os.sep)) or path.is_dir())


def check_out(out: Out, interpolate: bool) -> None:
    """Raise `UsageError` unless images can go there."""
    path = out.path
    if out.is_folder and path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UsageError(f"--out {path} is not an empty folder; name another one.")
    formats = (".png", ".npy", ".gif") if interpolate else (".png", ".npy")
    if not out.is_folder and path.suffix.lower() not in formats:
        hint = "; a .gif takes --interpolate" if path.suffix.lower() == ".gif" else ""
        raise UsageError(
            f"--out must end in {', '.join(formats)}, or in / for a folder of single images, not "
            f"{path.name!r}{hint}."
        )
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}; create it, or name another place with --out.")


# The options ------------------------------------------------------------------------------------

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


class Parser(argparse.ArgumentParser):
    """argparse, with its errors in the form of this project."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse with what is wrong."""
        raise UsageError(f"{message.removeprefix('argument ')} (see --help).")


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
    for name, about in settings().items():
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
    add_setting(parser, "--count", COUNT, 64)
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


def add_setting(group: Any, option: str, about: Setting, default: Any, shown_only: bool = False) -> None:
    """Add the option that sets a `Setting`, described with its range and its default.

    Args:
        shown_only: leave the setting out of what was parsed where the option is not given.
    """

    def parse(text: str) -> Any:
        try:
            value = about.kind(text)
        except ValueError:
            kind = "a whole number" if about.kind is int else "a number"
            raise argparse.ArgumentTypeError(f"must be {kind}, not {text!r}") from None
        check(option, value, about)
        return value

    notes = [str(about.within)] if about.within else []
    notes += [", ".join(about.choices)] if about.choices else []
    notes += [f"default: {default}"] if default is not None else []
    group.add_argument(
        option,
        metavar={int: "N", float: "X", str: "NAME"}[about.kind],
        type=parse,
        default=argparse.SUPPRESS if shown_only else default,
        help=f"{about.meaning} ({'; '.join(notes)})",
    )
