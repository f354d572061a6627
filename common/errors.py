"""What a user can put right, said in one sentence."""

from collections.abc import Sequence

MOST_NAMES = 20  # in a sentence


class GanError(Exception):
    """Something failed; the message is one sentence that says what to do. Exit status 1."""

    status = 1


class UsageError(GanError):
    """The command line asks for something that cannot be. Exit status 2."""

    status = 2


def reason(error: OSError) -> str:
    """What the operating system says: "Permission denied" and the like."""
    return error.strerror or str(error)


def printable(name: str) -> str:
    """A file's name in one line, whatever is in it."""
    return "".join(character if character.isprintable() else "?" for character in name)


def listed(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """`a, b and 7 more`: these names in one line."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return printable(", ".join(names[:most])) + more
