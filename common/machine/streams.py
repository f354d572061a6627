"""stdout and stderr as they are found: in any encoding, closed, or read by nobody any more."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TextIO

# What systems say where nobody reads: a pipe or a terminal is gone, or was closed from the start.
NOBODY_READS = {errno.EPIPE, errno.EIO, errno.EBADF, errno.EINVAL}


class PatientStream:
    """A text stream whose reader may leave, as `head` does: from then on what is written is lost.

    What the stream's encoding does not have is written as a question mark.

    Args:
        is_result: what is written is what was asked for, so that a full disk is an error.
    """

    def __init__(self, stream: TextIO, is_result: bool) -> None:
        self.stream = stream
        self.is_result = is_result

    def write(self, text: str) -> int:
        """Write, or lose, `text`."""
        try:
            encoding = self.stream.encoding or "utf-8"
            return self.stream.write(text.encode(encoding, errors="replace").decode(encoding))
        except OSError as error:
            self._lead_nowhere(error)
            return len(text)

    def flush(self) -> None:
        """Flush, as far as anybody reads."""
        try:
            self.stream.flush()
        except OSError as error:
            self._lead_nowhere(error)

    def _lead_nowhere(self, error: OSError) -> None:
        """After `error`; raise it again if a result was not written though somebody reads."""
        # The descriptor, not the stream: Python flushes that once more at its end.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), self.stream.fileno())
        if self.is_result and error.errno not in NOBODY_READS:
            raise error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def be_patient() -> None:
    """Let no output end the work, also where a process was started without a stream (`2>&-`)."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_WRONLY)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, os.fdopen(number, "w"))
        if not isinstance(getattr(sys, name), PatientStream):
            setattr(sys, name, PatientStream(getattr(sys, name), is_result=name == "stdout"))


@cache
def notice_once(text: str) -> None:
    """Say it on stderr, but not again."""
    print(f"Notice: {text}", file=sys.stderr)


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Keep back what compiled libraries write to stderr meanwhile."""
    stderr = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
