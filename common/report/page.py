"""A comparison -> one HTML page that needs no network, and pictures."""

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import accumulate, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
import plotly.graph_objects as go
from markupsafe import Markup
from PIL import Image
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from common.engines import FRAMEWORKS
from common.machine.files import replacing
from common.objectives import Column, Objective
from common.report.comparison import LAST, Comparison, Entry, mean_tables, quality_table, run_table
from common.report.sources import files_behind, side_by_side
from common.runs.curves import FLUCTUATION_WINDOW, moving_average, own_settings
from common.runs.grid import read_picture, save_picture

COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#17becf")
POINTS = 800  # in one curve, at most
POSITIONS = 41  # of the slider, at most
DASHES = {"solid": "-", "dot": ":", "dash": "--"}  # of the columns in a panel: in plotly -> in matplotlib


def save_page(comparison: Comparison, command: str, path: Path) -> None:
    """Write the report.

    Args:
        command: what makes it again.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    entries = comparison.entries
    circumstances = dict.fromkeys(name for entry in entries for name in entry.circumstances)
    page = environment.get_template("page.html.jinja").render(
        title="The same GAN, side by side" if len(comparison.parts) == 1 else "GANs, side by side",
        made=datetime.now().strftime("%Y-%m-%d %H:%M"),
        command=command,
        comparison=comparison,
        parts=comparison.parts,
        run_table=run_table,
        lines=lines,
        last=LAST,
        window=FLUCTUATION_WINDOW,
        plotly_script=Markup(get_plotlyjs()),
        chart=lambda part: Markup(chart(part).to_html(full_html=False, include_plotlyjs=False)),
        several_seeds=len({entry.run.config.seed for entry in entries}) > 1,
        conditional=any(entry.run.config.classes for entry in entries),
        pictures=pictures(entries),
        qualities=quality_table(comparison) if comparison.qualities else None,
        neighbours=[
            (entry.label, as_data(entry.run.folder / "neighbours.png"))
            for entry in entries
            if (entry.run.folder / "neighbours.png").exists()
        ],
        means=mean_tables(comparison),
        circumstances={
            name: [entry.circumstances.get(name, "") for entry in entries] for name in circumstances
        },
        frameworks=list(FRAMEWORKS),
        code={
            file: {
                name: [highlighted(lines) for lines in columns]
                for name, columns in side_by_side(file).items()
            }
            for file in files_behind(entry.run.config for entry in entries)
        },
        light_code_css=code_css("default"),
        dark_code_css=code_css("github-dark"),
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")  # of folders with odd names


# Curves -----------------------------------------------------------------------------------------


def chart(part: Comparison) -> go.Figure:
    """The losses of runs with the same loss and what their discriminators say: a colour for each group."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    colours = colour_of_groups(part)
    for entry, row, column, dash in curves(part):
        for iterations, values, bold in (single(entry, column.name), smooth(entry, column.name)):
            figure.add_scatter(
                x=iterations,
                y=values,
                row=row,
                col=1,
                mode="lines",
                name=entry.label,
                legendgroup=entry.label,
                showlegend=bold and (row, dash) == (1, "solid"),
                line={"color": colours[entry.group], "dash": dash, "width": 2 if bold else 0.5},
                opacity=1 if bold else 0.25,
                hovertemplate=f"{column.title} %{{y:.3f}}" if bold else None,
                hoverinfo=None if bold else "skip",
            )
    for row, panel in enumerate(part.objective.panels, start=1):
        for value, formula, *_ in panel.references:
            style = {"dash": "dash", "color": "grey"}
            figure.add_hline(value, row=row, col=1, line=style, annotation_text=formula)
        figure.update_yaxes(title_text=panel.axis, range=panel.smooth_limits, row=row, col=1)
    figure.update_xaxes(title_text="iteration", row=2, col=1)
    figure.update_layout(
        height=800,
        hovermode="x unified",
        hoversubplots="axis",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02},
        margin={"l": 50, "r": 10, "t": 10, "b": 40},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
    )
    return figure


def lines(objective: Objective) -> str:
    """Which line of a chart is which."""
    losses = [f"the {column.meaning}" for column in objective.losses.columns]
    outputs = [column.title for column in objective.outputs.columns]
    drawn = zip(("Unbroken", "dotted", "dashed"), zip_longest(losses, outputs), strict=False)
    return "; ".join(f"{line}: {' and '.join(filter(None, columns))}" for line, columns in drawn)


def curves(part: Comparison) -> Iterator[tuple[Entry, int, Column, str]]:
    """What to draw: of each run all columns, with the row of the chart and how the line is broken."""
    for entry in part.entries:
        for row, panel in enumerate(part.objective.panels, start=1):
            for column, dash in zip(panel.columns, DASHES, strict=False):
                yield entry, row, column, dash


def colour_of_groups(part: Comparison) -> dict[str, str]:
    """A colour for each group; with very many groups they come again."""
    return {group: COLOURS[index % len(COLOURS)] for index, group in enumerate(part.groups)}


class Curve(NamedTuple):
    """Some points of a curve."""

    iterations: np.ndarray
    values: np.ndarray
    bold: bool


def single(entry: Entry, column: str) -> Curve:
    """Single iterations, at even distances."""
    rows = entry.losses[:: max(1, len(entry.losses) // POINTS)]
    return Curve(rows["iteration"], rows[column].astype(np.float32), bold=False)


def smooth(entry: Entry, column: str) -> Curve:
    """The moving average over a hundredth of the run, at even distances."""
    window = max(1, len(entry.losses) // 100)
    values = moving_average(entry.losses[column], window)
    step = max(1, len(values) // POINTS)
    return Curve(entry.losses["iteration"][window - 1 :: step], values[::step].astype(np.float32), bold=True)


@own_settings()
def save_loss_picture(comparison: Comparison, path: Path) -> None:
    """Draw the smoothed losses of all runs as a PNG, those of each loss in axes of their own."""
    from matplotlib.figure import Figure

    parts = [*comparison.parts.values()]
    figure = Figure(figsize=(9, 7 * len(parts)), layout="constrained")
    all_axes = figure.subplots(2 * len(parts), 1, sharex=True)
    for part, both_axes in zip(parts, all_axes.reshape(-1, 2), strict=True):
        colours = colour_of_groups(part)
        for entry, row, column, dash in curves(part):
            iterations, values, _ = smooth(entry, column.name)
            both_axes[row - 1].plot(
                iterations,
                values,
                color=colours[entry.group],
                linestyle=DASHES[dash],
                label=f"{entry.label}, {column.title}",
            )
        for axes, panel in zip(both_axes, part.objective.panels, strict=True):
            for value, formula, *_ in panel.references:
                axes.axhline(value, color="grey", linestyle="--", linewidth=1, label=formula)
            axes.set_ylabel(panel.axis)
            axes.set_ylim(panel.smooth_limits)
            axes.grid(alpha=0.3)
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="x-small")
    all_axes[-1].set_xlabel("iteration")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


# Pictures ---------------------------------------------------------------------------------------


class Pictures(NamedTuple):
    """What the slider shows."""

    names: list[str]
    iterations: list[int]
    images: list[list[str]]  # of each run, at each of the `iterations`


def common_iterations(entries: Sequence[Entry], most: int) -> list[int]:
    """When all runs have made a picture; of more than `most`, as many at even distances, with both ends."""
    shared = sorted(set.intersection(*(set(entry.run.pictures()) for entry in entries)))
    chosen = np.linspace(0, len(shared) - 1, min(len(shared), most)).round().astype(int)
    return [shared[index] for index in chosen]


def pictures(entries: Sequence[Entry]) -> Pictures:
    """The pictures that all runs have made after the same iterations."""
    iterations = common_iterations(entries, POSITIONS)
    made = [entry.run.pictures() for entry in entries]
    return Pictures(
        [entry.label for entry in entries],
        iterations,
        [[as_data(paths[iteration]) for iteration in iterations] for paths in made],
    )


def save_samples_picture(comparison: Comparison, path: Path) -> None:
    """A column for each run, a row for some of the iterations: the runs' own pictures as one PNG.

    Nothing where the runs have made no pictures after the same iterations.
    """
    entries = comparison.entries
    iterations = common_iterations(entries, most=4)
    if not iterations:
        return
    made = [entry.run.pictures() for entry in entries]
    places = {
        (row, column): picture
        for row, iteration in enumerate(iterations)
        for column, paths in enumerate(made)
        if (picture := read_picture(paths[iteration]))
    }
    widths = [1] * len(entries)  # labels make them differ
    for (_, column), picture in places.items():
        widths[column] = max(widths[column], picture.width)
    left = [*accumulate(widths, initial=0)]
    height = max((picture.height for picture in places.values()), default=1)
    canvas = Image.new("L", (left[-1], height * len(iterations)), color=64)
    for (row, column), picture in places.items():
        canvas.paste(picture, (left[column], row * height))
    save_picture(canvas, path)


def as_data(path: Path) -> str:
    """A PNG as an address that holds it; nothing of a damaged one, with a notice."""
    if not read_picture(path):
        return ""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


# Sources ----------------------------------------------------------------------------------------


def code_css(style: str) -> Markup:
    """The colours of `highlighted`."""
    formatter: Any = HtmlFormatter(style=style)  # whose types are not known
    return Markup(formatter.get_style_defs(".highlight"))


def highlighted(lines: str) -> Markup:
    """Python in HTML, or nothing."""
    return Markup(highlight(lines, PythonLexer(stripnl=False), HtmlFormatter()) if lines else "")
