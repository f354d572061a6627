"""Paths as people type them, and writing a file so that it is whole or not there, whatever happens."""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

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
        with temporary.open("rb+") as written:  # Windows syncs only what is open for writing
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise GanError(
            f"{path} cannot be written ({reason(error)}); free some space or check its folder's "
            "permissions, then try again: what was there before is untouched."
        ) from None
    finally:
        remove(temporary)


def remove_partial(folder: Path) -> None:
    """Remove what a process that was killed in the middle of `replacing` left below `folder`."""
    for path in folder.rglob(f"{PARTIAL}*"):
        remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if it is there and can be removed."""
    shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        path.unlink(missing_ok=True)


# What file systems say that have no locks
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def locked(folder: Path, wait: bool = False) -> Iterator[bool]:
    """Let no other process be here for this `folder`; yield whether that is sure.

    Where the file system has no locks, it is not: this goes on all the same and says so.

    Raises:
        filelock.Timeout: another process is here, and this one is not to `wait` for it.
    """
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(blocking=wait)
    except (OSError, NotImplementedError) as error:  # the latter in the place of ENOSYS
        if getattr(error, "errno", errno.ENOSYS) not in NO_LOCKS:
            raise
        print(
            f"Notice: the file system of {folder} has no locks; make sure yourself that no other process "
            "works there.",
            file=sys.stderr,
        )
    try:
        yield lock.is_locked
    finally:
        lock.release()
