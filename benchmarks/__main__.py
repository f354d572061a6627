"""`python -m benchmarks`: how fast this project is, and what it costs as the work grows.

    pace       one iteration of each training, of the loop that the framework's own tutorial writes, and of
               the limit: what an iteration cannot do without
    batch      the same at other batch sizes, and memory
    dcgan      pace, with convolutions
    recipes    the same with other losses, and with labels
    devices    one iteration on several devices, beside one, and beside as many that send each other nothing
    start      from the command to the end of the first iteration
    generate   1, 100 and 100,000 images
    compare    1, 10 and 100 runs, with and without measuring how good their images are
    length     memory of short and of long trainings

Each part keeps what it found in the file of this processor in `benchmarks/results/`; `tables` writes the
tables of the tutorial from these files.
"""

import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, NoReturn

from tabulate import tabulate

from benchmarks import commands
from benchmarks.devices import several
from benchmarks.pace import Contender, Pace, take_turns
from benchmarks.plain import PLAIN_LOOPS, PLAIN_LOOPS_OF_DCGAN, PlainLoop
from benchmarks.results import file_of_this_processor, keep, tables_of, write_on_pages
from benchmarks.work import Work, gigaflop
from common.command_line.program import Parser, carry_out
from common.config import RECIPES, Config, with_its_loss
from common.data import datasets, mnist
from common.engines import ENGINES
from common.errors import UsageError
from common.machine import hardware

BATCH_SIZES = (16, 64, 256, 1024)


def pace() -> dict[str, Any]:
    """One iteration of everything, in turns."""
    return beside_plain_loops(Config(), PLAIN_LOOPS, title="pace")


def dcgan() -> dict[str, Any]:
    """The same with convolutions."""
    return beside_plain_loops(of_recipe("dcgan"), PLAIN_LOOPS_OF_DCGAN, title="dcgan")


def beside_plain_loops(config: Config, plain_loops: Mapping[str, PlainLoop], title: str) -> dict[str, Any]:
    """One iteration of every training with `config`, of the plain loops and of the limit, in turns."""
    work = Work(config)
    contenders = {}
    for name, engine in ENGINES.items():
        start = partial(Contender, config=config, keras_backend=engine.keras_backend)
        contenders[name] = start("loop", engine.package, "1")
        if name in plain_loops:
            contenders[f"plain {name}"] = start(plain_loops[name].module)
    paces = take_turns(Contender("limit", config=config), contenders, rounds=16, title=title)
    found = {name: {**one.as_dict(), "gigaflop": gigaflop(work.ours())} for name, one in paces.items()}
    for name, loop in plain_loops.items():
        found[f"plain {name}"]["gigaflop"] = gigaflop(loop.products(work))
    return found


def batch(sizes: tuple[int, ...] = BATCH_SIZES, rounds: int = 8) -> dict[str, Any]:
    """Every training at several batch sizes."""
    found = {}
    for size in sizes:
        paces = beside_the_limit(replace(Config(), batch_size=size), rounds, title=f"batch of {size}")
        found[str(size)] = {name: one.as_dict() for name, one in paces.items()}
    return found


def beside_the_limit(config: Config, rounds: int, title: str) -> dict[str, Pace]:
    """One iteration of every training with `config`, and of the limit."""
    contenders = {
        name: Contender("loop", engine.package, "1", config=config, keras_backend=engine.keras_backend)
        for name, engine in ENGINES.items()
    }
    return take_turns(Contender("limit", config=config), contenders, rounds, title)


def recipes() -> dict[str, Any]:
    """Every training of every recipe but those that have a part of their own."""
    found = {}
    for name in [name for name in RECIPES if name not in ("gan", "dcgan")]:
        paces = beside_the_limit(of_recipe(name), rounds=8, title=name)
        found[name] = {one: pace.as_dict() for one, pace in paces.items()}
    return found


def devices() -> dict[str, Any]:
    """Several devices beside one, dense and convolutional."""
    return {name: several(of_recipe(name), title=name) for name in ("gan", "dcgan")}


def of_recipe(name: str) -> Config:
    """Its settings, with ten classes where it needs some."""
    options = with_its_loss(RECIPES[name])
    if options.pop("conditional", False):
        options["classes"] = 10
    return Config(**options)


def quick() -> dict[str, Any]:
    """Each training beside the limit, in a few turns."""
    return batch(sizes=(Config().batch_size,), rounds=8)


class Part(NamedTuple):
    """A part of the benchmark."""

    minutes: float  # on two cores
    measure: Callable[[], dict[str, Any]]
    needs_mnist: bool = False
    needs_linux: bool = False


PARTS = {
    "pace": Part(6, pace),
    "batch": Part(8, batch),
    "dcgan": Part(8, dcgan),
    "recipes": Part(6, recipes),
    "devices": Part(8, devices, needs_linux=True),
    "start": Part(4, commands.start),
    "generate": Part(4, commands.generate),
    "compare": Part(15, commands.compare, needs_mnist=True),
    "length": Part(40, commands.length),
}


def main() -> NoReturn:
    """Carry out the command line and exit."""
    carry_out(benchmark)


def benchmark() -> int:
    """Measure what is asked for; return the exit status."""
    parser = Parser(
        prog="python -m benchmarks", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}, or tables (default: all but tables)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="two minutes: each training beside the limit; nothing is kept"
    )
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in [*PARTS, "tables"]]:
        raise UsageError(f"PART must be one of {', '.join(PARTS)} and tables, not {unknown[0]}.")
    if options.quick:
        print(f"Each training beside the limit, on {hardware.cpu_name()}: about two minutes.")
        show("batch", quick())
    elif options.parts == ["tables"]:
        write_on_pages()
    else:
        measure(options.parts or [*PARTS])
    return 0


def measure(names: list[str]) -> None:
    """Carry out parts, show what each finds, and keep it."""
    images = datasets.load("auto", mnist.default_data_dir())
    minutes = sum(PARTS[name].minutes for name in names)
    print(f"{', '.join(names)}, on {hardware.cpu_name()}: about {minutes} minutes. --quick takes two.")
    for name in names:
        if PARTS[name].needs_mnist and images.name != "mnist":
            print(
                f"Notice: {name} is left out: how good images are is measured against MNIST.", file=sys.stderr
            )
            continue
        if PARTS[name].needs_linux and sys.platform != "linux":
            print(f"Notice: {name} is left out: it needs Linux, which counts what is sent.", file=sys.stderr)
            continue
        found = PARTS[name].measure()
        keep(name, f"python -m benchmarks {name}", images, found)
        show(name, found)
    print(f"Kept in {file_of_this_processor()}")


def show(part: str, found: dict[str, Any]) -> None:
    """Print the tables of one part."""
    for table in tables_of(part, found).values():
        print(tabulate(table.rows, table.headings, disable_numparse=True, stralign="right"), end="\n\n")


if __name__ == "__main__":
    main()
