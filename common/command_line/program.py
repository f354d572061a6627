"""What every program of this repository has: options, and an end that says in one sentence what went wrong.

Whatever the user can put right ends in that sentence on stderr, without a traceback, and exit status 2 (the
command line cannot be carried out) or 1 (carrying it out failed).
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Callable
from typing import Any, NoReturn

from common.config import KINDS, Setting, check
from common.errors import GanError, UsageError, reason
from common.machine.streams import be_patient

# What frameworks say, each in an exception of its own
OUT_OF_MEMORY = re.compile(
    r"out of memory|allocate memory|RESOURCE_EXHAUSTED|OOM when allocating", re.IGNORECASE
)


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


class WholeOptions(argparse.HelpFormatter):
    """argparse's help, in which no line ends within the name of an option."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


class Parser(argparse.ArgumentParser):
    """argparse, with its errors in the form of this project."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": WholeOptions, **options})

    def error(self, message: str) -> NoReturn:
        """Called by argparse with what is wrong."""
        raise UsageError(f"{message.removeprefix('argument ')} (see --help).")


def add_setting(group: Any, option: str, about: Setting, default: Any, shown_only: bool = False) -> None:
    """Add the option that sets a `Setting`, described with its range and its default.

    Args:
        shown_only: leave the setting out of what was parsed where the option is not given.
    """

    def parse(text: str) -> Any:
        try:
            value = about.kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {KINDS[about.kind]}, not {text!r}") from None
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
