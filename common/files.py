"""Writing a file so that it is whole or not there, whatever happens meanwhile."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common.errors import GanError, reason

PARTIAL = ".partial-"  # begins the name of a file that is being written


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
