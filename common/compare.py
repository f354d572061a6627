"""`make compare`: several runs -> one report, side by side.

    runs/compare/<time>/report.html    everything, in a page that needs no network
    runs/compare/<time>/losses.png     the curves of all runs
    runs/compare/<time>/samples.png    images from the same noises: a column for each run

A run that cannot be read is left out, with a sentence that says why. Measuring how good a run's images are
takes minutes; that is done once and kept in the run's folder.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tabulate import tabulate

from common.command_line.program import Parser, carry_out
from common.data import mnist
from common.engines import FRAMEWORKS
from common.errors import UsageError
from common.machine import hardware
from common.machine.files import user_path
from common.report.comparison import compare, mean_tables, quality_table, run_table
from common.report.page import save_loss_picture, save_page, save_samples_picture
from common.runs.run import RUNS, make_new_folder, newest_in, point_latest_at, run_path


def newest_runs() -> tuple[list[Path], list[str]]:
    """The newest run of each framework, and a sentence for each framework that has none.

    Raises:
        UsageError: none has any.
    """
    found = [(engine, newest_in(RUNS / engine.short_name)) for engine in FRAMEWORKS.values()]
    missing = [
        f"There is no run of {engine.framework} yet; `make train-{engine.short_name}` makes one."
        for engine, run in found
        if run is None
    ]
    runs = [run for _, run in found if run]
    if not runs:
        raise UsageError(
            f"There is no run in {RUNS}; `make train-torch` makes one, or name some with --runs."
        )
    return runs, missing


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Carry out the command line and exit."""
    carry_out(lambda: make_report(arguments))


def make_report(arguments: Sequence[str] | None) -> int:
    """Make the report; return the exit status."""
    parser = Parser(
        prog="python -m common.compare",
        description="Compare runs side by side: one report in a folder of its own.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--runs",
        metavar="DIR",
        type=run_path,
        nargs="+",
        help="the runs' folders, any number, of any framework and seed (default: the newest run of each "
        "framework)",
    )
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        type=user_path,
        default=mnist.default_data_dir(),
        help="where MNIST is, to measure the images against (default: the environment's GAN_DATA_DIR, else "
        "data in the repository)",
    )
    options = parser.parse_args(arguments)
    folders, missing = (options.runs, []) if options.runs else newest_runs()

    comparison = compare(folders, options.data_dir, missing)
    for notice in comparison.notices:
        print(f"Notice: {notice}", file=sys.stderr)
    folder = make_new_folder("compare")
    words = ["-m", "common.compare", "--runs", *map(str, folders), *mnist.data_dir_option(options.data_dir)]
    save_loss_picture(comparison, folder / "losses.png")
    save_samples_picture(comparison, folder / "samples.png")
    save_page(comparison, hardware.python_line(words), folder / "report.html")
    point_latest_at(folder)

    tables = [run_table(part) for part in comparison.parts.values()]
    if comparison.qualities:
        tables.append(quality_table(comparison))
    for table in [*tables, *mean_tables(comparison)]:
        print(tabulate(table.rows, table.headings, disable_numparse=True, stralign="right"), end="\n\n")
    print(f"See   {folder / 'report.html'}   all of it in one page: open it in a browser")
    return 0


if __name__ == "__main__":
    main()
