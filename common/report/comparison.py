"""Run folders -> what there is to compare, and a sentence for whatever could not be compared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from common.config import Config, default, option_name, settings
from common.errors import GanError, UsageError
from common.objectives import OBJECTIVES, Objective
from common.quality import quality
from common.quality.metrics import Quality, load_reference
from common.runs.curves import FLUCTUATION_WINDOW, fluctuation
from common.runs.run import Run, iterations_per_second

LAST = 500  # iterations in the last losses
# Seeds are chance, the training does not know the average, and what the images are their SHA-256 says
WITHOUT_EFFECT = ("seed", "ema_decay")


class Measure(NamedTuple):
    """A number that the tables show."""

    heading: str
    form: str  # for `format`
    meaning: str  # and what is best


QUALITIES = {  # fields of `Quality`
    "parzen_mean": Measure("Parzen", ".0f", "Parzen-window log-likelihood in nats, best high"),
    "classifier_score": Measure("score", ".2f", "classifier score, best 10"),
    "frechet_distance": Measure("Fréchet", ".2f", "Fréchet distance of features, best 0"),
    "precision": Measure("precision", ".3f", "share of images that look real, best 1"),
    "recall": Measure("recall", ".3f", "share of real images that could be made, best 1"),
    "digit_distance": Measure("uneven", ".3f", "distance of the digits' shares from a tenth each, best 0"),
    "confident_share": Measure("confident", ".3f", "share of images that surely are a digit, best 1"),
    "neighbour_distance": Measure("nearest", ".2f", "distance to the nearest training image, best as real"),
    "obeyed_share": Measure("as asked", ".3f", "share of images of the digit asked for, best 1"),
    "neighbour_error": Measure(
        "1-NN error", ".3f", "error of a nearest-neighbour classifier that learnt from images, best as real"
    ),
}


@dataclass(frozen=True)
class Entry:
    """A run that can be compared with others."""

    run: Run
    losses: np.ndarray  # see `Run.losses`
    group: str  # framework and settings: two runs of a group differ by chance alone
    qualities: Mapping[
        str, Quality
    ]  # of the "last" and the "averaged" generator, as far as they were measured

    @property
    def label(self) -> str:
        """What to call the run."""
        return f"{self.group} · seed {self.run.config.seed}"

    @property
    def iterations(self) -> int:
        """How many it has done."""
        return int(self.losses["iteration"][-1]) + 1

    @property
    def last_losses(self) -> dict[str, float]:
        """The values of `loss_measures`."""
        last = self.losses[self.losses["iteration"] >= self.iterations - LAST]
        kept = self.run.record.get("fluctuation")  # by a thinned run
        spread = kept or fluctuation(self.losses, self.run.objective)
        means = {name: float(last[name].mean()) for name in spread}
        return means | {f"{name} fluctuation": value for name, value in spread.items()}

    @property
    def measured(self) -> dict[str, dict[str, float]]:
        """Name of a generator, as it is at last and averaged -> its measures; only the first has losses."""
        found: dict[str, dict[str, float]] = {"": self.last_losses}
        for weights, measured in self.qualities.items():
            name = "" if weights == "last" else weights
            found.setdefault(name, {}).update(values_of(measured))
        return found

    @property
    def effort(self) -> dict[str, str]:
        """Iterations, speed, time and memory."""
        sessions = self.run.record["sessions"]
        seconds = sum(session["seconds"] for session in sessions)
        peak = max(session.get("peak_memory_mib") or 0 for session in sessions)
        return {
            "iterations": f"{self.iterations:,}",
            "it/s": f"{iterations_per_second(sessions):.1f}",
            "minutes": f"{seconds / 60:.1f}",
            "MiB": f"{peak:,}" if peak else "?",
        }

    @property
    def circumstances(self) -> dict[str, str]:
        """Settings, data, versions and hardware."""
        data, sessions = self.run.record["data"], self.run.record["sessions"]
        config = {option_name(name): str(value) for name, value in self.run.config.as_dict().items()}
        about = {"data": f"{data['title']}, {data['images']:,} images", **config}
        for key in dict.fromkeys(key for session in sessions for key in session["environment"]):
            values = [session["environment"].get(key, "unknown") for session in sessions]
            about[key] = " → ".join(dict.fromkeys(values))
        return about


@dataclass(frozen=True)
class Comparison:
    """Everything the report tells."""

    entries: Sequence[Entry]
    notices: Sequence[str]  # what was left out, and why

    @property
    def parts(self) -> dict[str, "Comparison"]:
        """The name of a loss -> the runs with it, in the order of `OBJECTIVES`: theirs can be compared."""
        found = {
            loss: [entry for entry in self.entries if entry.run.config.loss == loss] for loss in OBJECTIVES
        }
        return {loss: Comparison(entries, ()) for loss, entries in found.items() if entries}

    @property
    def objective(self) -> Objective:
        """What all runs of a part report."""
        return self.entries[0].run.objective

    @property
    def qualities(self) -> dict[str, Measure]:
        """Those of `QUALITIES` that the images of any run have."""
        known = {name for entry in self.entries for values in entry.measured.values() for name in values}
        return {name: measure for name, measure in QUALITIES.items() if name in known}

    @property
    def measures(self) -> dict[str, Measure]:
        """What all runs can be compared by: of one loss also that."""
        return (loss_measures(self.objective) if len(self.parts) == 1 else {}) | self.qualities

    @property
    def groups(self) -> dict[str, list[Entry]]:
        """The runs that differ by their seeds alone."""
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(entry.group, []).append(entry)
        return found


def compare(folders: Iterable[Path], data_dir: Path, missing: Sequence[str] = ()) -> Comparison:
    """Read the runs in `folders` and measure their images.

    Args:
        data_dir: where MNIST is, to measure against.
        missing: what to say about runs that should be here.

    Raises:
        UsageError: none of them can be read.
    """
    notices = list(missing)
    readable: list[tuple[Run, np.ndarray]] = []
    for folder in {folder.resolve(): folder for folder in folders}.values():  # `latest` is one of the others
        try:
            run = Run.open(folder)
            losses = run.losses()
            if readable and (other := differing_data(run, readable[0][0])):
                raise GanError(other)
        except GanError as error:
            notices.append(f"Left out: {error}")
        else:
            readable.append((run, losses))
    if not readable:
        raise UsageError(" ".join(["There is nothing to compare.", *notices]))

    runs = [run for run, _ in readable]
    qualities = measured_qualities(runs, data_dir, notices)
    differing = differing_settings(runs)
    lengths = {losses["iteration"][-1] for _, losses in readable}
    entries = []
    for run, losses in readable:
        parts = [run.framework, *(describe(name, getattr(run.config, name)) for name in differing)]
        if len(lengths) > 1:
            parts.append(f"{losses['iteration'][-1] + 1:,} iterations")
        entries.append(Entry(run, losses, " · ".join(parts), qualities.get(run.folder, {})))
    if len({entry.label for entry in entries}) < len(entries):
        notices.append(
            "Some runs have framework, settings and seed in common: intervals that count each of them are "
            "too narrow."
        )
    if differing:
        names = " and ".join(option_name(name) for name in differing)
        notices.append(
            f"Not all runs have the same {names}: such runs differ by more than framework and seed."
        )
    return Comparison(entries, notices)


def measured_qualities(
    runs: Sequence[Run], data_dir: Path, notices: list[str]
) -> dict[Path, dict[str, Quality]]:
    """Folder -> quality of the run's images, measured now where it is not known yet; adds to `notices`."""
    data = runs[0].record["data"]  # the same for all
    if data["name"] != "mnist":
        notices.append(
            "How good the images are is not measured: the judge knows MNIST alone, and they were learnt "
            f"from {data['title']}."
        )
        return {}
    found = {run.folder: measured for run in runs if (measured := quality.kept(run))}
    to_measure = [run for run in runs if run.folder not in found]
    if not to_measure:
        return found
    try:
        reference = load_reference(data_dir)
    except GanError as error:
        notices.append(f"How good the images are is not measured: {error}")
        return found
    for run in to_measure:
        try:
            found[run.folder] = quality.measure_run(run, reference)
        except GanError as error:
            notices.append(f"The images of the run in {run.folder} are not measured: {error}")
    return found


def differing_data(run: Run, first: Run) -> str:
    """Why `run` cannot stand beside `first`, or nothing."""
    one, other = run.record["data"], first.record["data"]
    if one["sha256"] == other["sha256"]:
        return ""
    return (
        f"The run in {run.folder} learnt from other images ({one['title']}, {one['images']:,}) than the one "
        f"in {first.folder} ({other['title']}, {other['images']:,}); compare it with runs of its own data."
    )


def differing_settings(runs: Sequence[Run]) -> list[str]:
    """The settings with an effect on the training that are not the same in all runs.

    What a loss brings along goes without saying.
    """

    def unexpected(config: Config, name: str) -> Any:
        value = getattr(config, name)
        return None if value == default(name, config.loss) else value

    return [
        name
        for name, about in settings().items()
        if not about.may_change
        and name not in WITHOUT_EFFECT
        and len({getattr(run.config, name) for run in runs}) > 1
        and len({unexpected(run.config, name) for run in runs}) > 1
    ]


def describe(name: str, value: Any) -> str:
    """A setting's value in the name of a group."""
    if name == "classes":
        return "conditional" if value else "unconditional"
    return str(value) if settings()[name].choices else f"{name.replace('_', ' ')} {value}"


def values_of(measured: Quality) -> dict[str, float]:
    """The measures of some images, without those that they cannot have."""
    return {name: value for name in QUALITIES if (value := getattr(measured, name)) is not None}


# Tables -----------------------------------------------------------------------------------------


class Table(NamedTuple):
    """Text in rows, the first column of which names them."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def run_table(part: Comparison) -> Table:
    """The last losses of each run, and what it took."""
    losses = loss_measures(part.objective)
    return Table(
        ["run", *(one.heading for one in losses.values()), *part.entries[0].effort],
        [[entry.label, *texts(entry.last_losses, losses), *entry.effort.values()] for entry in part.entries],
    )


def quality_table(comparison: Comparison) -> Table:
    """How good the images of each generator are, below real ones and those of an untrained generator."""
    measures = comparison.qualities
    rows = [[name, *texts(values_of(measured), measures)] for name, measured in quality.scale().items()]
    for entry in comparison.entries:
        for name, values in entry.measured.items():
            if entry.qualities:
                rows.append([" · ".join(filter(None, (entry.label, name))), *texts(values, measures)])
    return Table(["images of", *(one.heading for one in measures.values())], rows)


def loss_measures(objective: Objective) -> dict[str, Measure]:
    """The means of the last losses, and how much single ones fluctuate."""
    losses = objective.losses.columns
    return {column.name: Measure(column.title, ".3f", column.meaning) for column in losses} | {
        f"{column.name} fluctuation": Measure(
            f"{column.short} varies", ".3f", f"standard deviation within {FLUCTUATION_WINDOW} iterations"
        )
        for column in losses
    }


def texts(values: Mapping[str, float], measures: Mapping[str, Measure]) -> list[str]:
    """The values of these measures, as text; nothing for one that there is not."""
    return [format(values[name], one.form) if name in values else "" for name, one in measures.items()]


def means(comparison: Comparison, measures: Mapping[str, Measure]) -> dict[str, dict[str, str]]:
    """Generator -> heading -> mean over seeds with its 95% interval, for those that have these `measures`.

    Under "p" stands how often chance would make the groups differ as much; that is the p of a one-way
    analysis of variance over the groups with several seeds, averages left out.
    """
    scale = quality.scale() if measures.keys() & comparison.qualities.keys() else {}
    values: dict[str, dict[str, list[float]]] = {  # generator -> measure -> one value for each seed
        name: {one: [value] for one, value in values_of(measured).items()} for name, measured in scale.items()
    }
    for entry in comparison.entries:
        for weights, measures_of_one in entry.measured.items():
            if measures.keys() & measures_of_one.keys():
                row = values.setdefault(" · ".join(filter(None, (entry.group, weights))), {})
                for name, value in measures_of_one.items():
                    row.setdefault(name, []).append(value)
    found = {
        generator: {"seeds": "" if generator in scale else str(max(map(len, row.values())))}
        | {one.heading: estimate(row.get(name, []), one.form) for name, one in measures.items()}
        for generator, row in values.items()
    }
    groups = [values.get(group, {}) for group in comparison.groups]
    p_values = {one.heading: chance([row.get(name, []) for row in groups]) for name, one in measures.items()}
    return found | ({"p": {"seeds": "", **p_values}} if any(p_values.values()) else {})


def mean_tables(comparison: Comparison) -> list[Table]:
    """`means` in one table; where the runs are of several losses, before it a table for each of these."""
    parts = comparison.parts.values()
    apart = [mean_table(part, loss_measures(part.objective)) for part in parts] if len(parts) > 1 else []
    return apart + ([mean_table(comparison, comparison.measures)] if comparison.measures else [])


def mean_table(comparison: Comparison, measures: Mapping[str, Measure]) -> Table:
    """`means`: a column for each generator."""
    columns = means(comparison, measures)
    headings = list(next(iter(columns.values())))
    return Table(
        ["mean ± 95% interval", *columns],
        [[heading, *(column[heading] for column in columns.values())] for heading in headings],
    )


def estimate(values: Sequence[float], form: str) -> str:
    """The mean of `values` and, of more than one, the half-width of its 95% interval (Student's t)."""
    if not values:
        return ""
    mean = format(np.mean(values), form)
    if len(values) == 1:
        return mean
    half_width = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{mean} ± {format(half_width, form)}"


def chance(groups: Sequence[Sequence[float]]) -> str:
    """The p of a one-way analysis of variance; nothing without two groups of two values or more."""
    several = [values for values in groups if len(values) > 1]
    return format(stats.f_oneway(*several).pvalue, ".2f") if len(several) > 1 else ""
