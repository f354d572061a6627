"""`train`: start a run, or go on with one."""

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from common.command_line.framework import DEVICE, Framework, Implementation, Place, load
from common.config import OF_LOSS, RECIPES, Config, option_name, settings, with_its_loss
from common.data import datasets, mnist
from common.errors import GanError, UsageError, listed
from common.feed import Feed
from common.machine import hardware
from common.runs.recorder import STOP_SIGNALS, Recorder, alone_with, make_film_and_chart
from common.runs.run import Run, iterations_per_second, make_new_folder, newest_run, point_latest_at
from common.runs.together import Together, object_from_first

VERDICT_WINDOW = 500  # iterations in the last losses


def train(framework: Framework, options: dict[str, Any]) -> int:
    """Start a run or go on with one; return the exit status."""
    data_dir = options.pop("data_dir")
    device_name = options.pop("device")
    devices = options.pop("devices")
    place = framework.place()
    if place.number > 0:
        return follow(framework, device_name, devices)
    folder = options.pop("run")
    epochs = options.pop("epochs")

    resume = options.pop("resume")
    options = with_recipe(options)
    if resume:
        run = Run.open(folder or newest_run(framework.engine.short_name))
        dataset = recorded_dataset(run, options.pop("dataset", "auto"))
        config = with_epochs(resumed_config(run, options), epochs, run.record["data"]["images"])
        if run.iterations_saved == config.steps:
            return make_the_end_again(run)
        images = load_recorded_images(run, dataset, data_dir)
        config = replace(config, dataset=images.name)
    else:
        conditional = options.pop("conditional", False)
        config = Config(**with_its_loss(options))
        images = datasets.load(config.dataset, data_dir, config.train_limit)
        if conditional:
            config = replace(config, classes=class_count(images))
        config = with_epochs(replace(config, dataset=images.name), epochs, len(images.pixels))
        check_batch_size(config, images)

    check_devices(config, devices, place)
    implementation = load(framework, devices)
    if implementation.launch and not place.processes:
        return implementation.launch(device_name, devices)
    device = implementation.select_device(device_name)
    environment = hardware.describe() | implementation.environment(device)
    if devices > 1:
        environment["devices"] = str(devices)
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

    feed = Feed(config, images.pixels, images.labels)
    with Recorder(run, framework.engine.title, environment) as recorder:
        print(
            f"Learning from {images.title}, {len(images.pixels):,} images. {framework.engine.title} computes "
            f"on {hardware.device_in_words(environment)}. Watch {run.folder}"
        )
        together = lead(recorder, feed, implementation) if place.processes > 1 else recorder
        implementation.train(implementation.make_gan(config, device), feed, together, device)
    print(report(framework, run, recorder, data_dir, device_name, devices))
    if recorder.signal_received and recorder.saved_iteration < config.steps:
        return 128 + recorder.signal_received
    return 0


def lead(recorder: Recorder, feed: Feed, implementation: Implementation) -> Recorder:
    """As the first of several processes: tell the others what to train; a recorder for all of them."""
    assert implementation.from_first
    object_from_first((feed, recorder.start), implementation.from_first)
    return cast(Recorder, Together(recorder.start, recorder, implementation.from_first))


def follow(framework: Framework, device_name: str, devices: int) -> int:
    """Do what the first of several processes does, and touch no file; return the exit status."""
    for name in STOP_SIGNALS:  # the first decides when to stop
        if number := getattr(signal, name, None):
            signal.signal(number, signal.SIG_IGN)
    implementation = load(framework, devices)
    device = implementation.select_device(device_name)
    assert implementation.from_first
    feed, start = object_from_first(None, implementation.from_first)
    gan = implementation.make_gan(feed.config, device)
    together = cast(Recorder, Together(start, None, implementation.from_first))
    implementation.train(gan, feed, together, device)
    return 0


def with_recipe(options: dict[str, Any]) -> dict[str, Any]:
    """`options`, where --recipe is among them with all that it stands for and they do not say otherwise."""
    if "recipe" not in options:
        return options
    recipe = RECIPES[options.pop("recipe")]
    loss = recipe.get("loss", Config.loss)
    if options.get("loss", loss) != loss:  # then what the recipe's own wants does not count
        recipe = {name: value for name, value in recipe.items() if name not in OF_LOSS[loss]}
    return with_its_loss({**recipe, **options})


def with_epochs(config: Config, epochs: int | None, images: int) -> Config:
    """`config` with the steps that so many passes over so many images take, if they are asked for.

    Raises:
        UsageError: they do not make an iteration.
    """
    if epochs is None:
        return config
    of_one = config.critic_steps * config.batch_size
    if epochs * images < of_one:
        raise UsageError(
            f"--epochs {epochs} is less than one iteration, which takes {of_one} images where there are "
            f"{images}; ask for more, or for a smaller --batch-size."
        )
    return replace(config, steps=epochs * images // of_one)


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
    conditional = run.config.classes > 0
    changed = []
    if options.pop("conditional", conditional) != conditional:
        names = ["--no-conditional", "--conditional"]
        changed.append(f"{names[conditional]} to {names[not conditional]}")
    changed += [
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
        GanError: `dataset` has others now, or a conditional run other labels.
    """
    images, recorded = datasets.load(dataset, data_dir, run.config.train_limit), run.record["data"]
    if images.sha256 != recorded["sha256"]:
        raise GanError(
            f"The {images.title} images on this machine are not those the run in {run.folder} began "
            "with; start a new run."
        )
    if run.config.classes and images.labels_sha256 != recorded.get("labels_sha256"):
        raise GanError(
            f"The images in {images.title} are those the run in {run.folder} began with, but their classes "
            f"are not; put each back into its folder of then ({listed(recorded['classes'])}), or "
            "start a new run."
        )
    return images


def class_count(images: mnist.Images) -> int:
    """How many classes `images` are of.

    Raises:
        UsageError: they have no labels, or not all of them, or there is none of some class.
    """
    if not images.classes:
        raise UsageError(
            f"The images in {images.title} have no labels to learn with --conditional; sort them into a "
            "folder for each class, or leave that out."
        )
    if "" in images.classes:
        raise UsageError(
            f"Some of the images in {images.title} are in no folder, so they have no label to learn with "
            "--conditional; move them into the folder of a class, or leave that out."
        )
    if missing := [name for label, name in enumerate(images.classes) if label not in images.labels]:
        raise UsageError(
            f"The first {len(images.labels)} images in {images.title} show nothing of the classes "
            f"{listed(missing)} to learn with --conditional; choose a larger --train-limit."
        )
    return len(images.classes)


def check_batch_size(config: Config, images: mnist.Images) -> None:
    """Raise `UsageError` if a batch is larger than the data."""
    available = len(images.pixels)
    if config.batch_size > available:
        raise UsageError(
            f"--batch-size must be at most {available}, the number of training images, not "
            f"{config.batch_size}."
        )


def check_devices(config: Config, devices: int, place: Place) -> None:
    """Raise `UsageError` unless so many devices can share a batch, and processes there are as many."""
    if place.processes not in (0, devices):
        raise UsageError(
            f"There are {place.processes} processes, each with a device, and --devices asks for "
            f"{devices}; leave that out."
        )
    if config.batch_size % devices:
        raise UsageError(
            f"--batch-size {config.batch_size} cannot be shared out among --devices {devices}; choose one "
            "that divides it, or for a new run another batch size."
        )


def report(
    framework: Framework, run: Run, recorder: Recorder, data_dir: Path, device_name: str, devices: int
) -> str:
    """How the session went, what to look at and what to type next."""
    done, seconds = recorder.saved_iteration, recorder.session["seconds"]
    rate = iterations_per_second([recorder.session])
    last = run.losses()[-VERDICT_WINDOW:]
    data = run.record["data"]["title"]
    where = [] if device_name == DEVICE else ["--device", device_name]
    if done < run.config.steps:
        verb = f"Stopped after {done:,} of {run.config.steps:,} iterations on {data}; the state is saved"
        where += ["--devices", str(devices)] if devices > 1 else []
        words = ["train", "--resume", "--run", str(run.folder), *where, *mnist.data_dir_option(data_dir)]
    else:
        verb = f"Trained {done:,} iterations on {data}"
        digits = ["--digit", "all"] if run.config.classes else []
        averaged = ["--weights", "averaged"] if run.config.ema_decay else []
        out = ["--out", f"{run.subject}.png"]
        words = ["generate", "--run", str(run.folder), *digits, *averaged, *out, *where]
    losses = ", ".join(
        f"{column.short} {last[column.name].mean():.3f}" for column in run.objective.losses.columns
    )
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{verb}: {minutes} min {rest} s, {rate:.1f} iterations/s, last {len(last)} losses "
        f"{losses}.\n"
        f"{what_to_see(run)}\n"
        f"Next  {hardware.python_line(['-m', framework.engine.package, *words], framework.engine.variables)}"
    )


def what_to_see(run: Run) -> str:
    """The film and the chart of a run."""
    chart = ", ".join(panel.title for panel in run.objective.panels)
    return (
        f"See   {run.folder / 'samples.gif'}   {run.subject} appear out of noise\n"
        f"      {run.folder / 'losses.png'}   {chart}"
    )
