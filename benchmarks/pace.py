"""How contenders take turns: each is a process of its own that runs a block of iterations when it is told to.

So whatever else the machine does falls on all of them alike, and none changes the memory or the threads of
another.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator


def paced() -> Iterator[None]:
    """In a contender: yield for every iteration to do, in blocks that stdin asks for; tell their seconds."""
    for line in sys.stdin:
        count = int(line)
        began = time.perf_counter()
        for _ in range(count):
            yield
        print((time.perf_counter() - began) / count, flush=True)


class Contender:
    """In the benchmark: a process that runs `python -m <arguments>` at our pace."""

    def __init__(self, *arguments: str, keras_backend: str = "") -> None:
        command = [sys.executable, "-m", *arguments]
        self.stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command,
            env=os.environ | {"KERAS_BACKEND": keras_backend},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
        )

    def seconds_per_iteration(self, block: int) -> float:
        """Let it run `block` iterations."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(block, file=self.process.stdin, flush=True)
        if answer := self.process.stdout.readline():
            return float(answer)
        self.stderr.seek(0)
        raise RuntimeError(f"A contender ended: {self.stderr.read()[-2000:]}")

    def stop(self) -> None:
        """Let it end."""
        self.process.communicate()
