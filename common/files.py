"""Paths as people type them, and writing a file so that it is whole or not there, whatever happens."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common.errors import GanError, UsageError, reason

PARTIAL = ".partial-"  # begins the name of a file that is being written


def user_path(text: str) -> Path:
    """The path that someone typed: `~` expanded, links followed; relative where it lies below this folder.

    Raises:
        UsageError: nobody knows that home folder, or its links lead in a circle.
    """
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise UsageError(f"There is no home folder for {text!r}; write the path without `~`.") from None
    try:
        path.stat()
    except OSError as error:  # anything else may still be made
        if error.errno == errno.ELOOP:
            raise UsageError(f"The links of {text!r} lead in a circle; name another path.") from None
    resolved, here = Path(os.path.realpath(path)), Path.cwd()
    return resolved.relative_to(here) if resolved.is_relative_to(here) else resolved


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it takes the place of `path` only once it is on the disk.

    Raises:
        GanError: it cannot be written (disk full, read-only); an older `path` stays as it was.
    """
    temporary = path.with_name(f"{PARTIAL}{path.name}")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise GanError(
            f"{path} cannot be written ({reason(error)}); free some space or check its folder's "
            "permissions, then try again: what was there before is untouched."
        ) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_partial(folder: Path) -> None:
    """Remove what a process that was killed in the middle of `replacing` left below `folder`."""
    for path in folder.rglob(f"{PARTIAL}*"):
        path.unlink()
