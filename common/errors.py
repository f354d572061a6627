"""What a user can put right, said in one sentence."""


class GanError(Exception):
    """Something failed; the message is one sentence that says what to do. Exit status 1."""

    status = 1


class UsageError(GanError):
    """The command line asks for something that cannot be. Exit status 2."""

    status = 2


def reason(error: OSError) -> str:
    """What the operating system says: "Permission denied" and the like."""
    return error.strerror or str(error)
