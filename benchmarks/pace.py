"""How contenders take turns: each is a process of its own that runs a block of iterations when it is told to.

So whatever else the machine does falls on all of them alike, and none changes the memory or the threads of
another. Machines change their speed from minute to minute: a block takes a second, and what is compared are
two blocks that follow each other.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Self

from tqdm import tqdm

from common.config import Config
from common.machine.hardware import peak_memory

BLOCK = 1.0  # seconds
WARM_UP = 5  # iterations that are not counted: in the first, compilers work


def paced() -> Iterator[None]:
    """In a contender: yield for every iteration to do, in blocks that stdin asks for; tell their pace.

    At the end tell the peak memory in MiB.
    """
    for line in sys.stdin:
        count = int(line)
        yield  # not counted: the caches are still full of what others did
        began = time.perf_counter()
        for _ in range(count):
            yield
        print((time.perf_counter() - began) / count, flush=True)
    print(peak_memory(), flush=True)


class Contender:
    """In the benchmark: a process that runs `python -m benchmarks.<module> <arguments>` at our pace.

    Args:
        launcher: the module that starts it in several processes, with its arguments.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        config: Config,
        keras_backend: str = "",
        launcher: Sequence[str] = (),
    ) -> None:
        settings = json.dumps(config.as_dict())
        self.stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", *launcher, f"benchmarks.{module}", *arguments, settings],
            env=os.environ | {"KERAS_BACKEND": keras_backend},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
        )

    def warm_up(self) -> None:
        """Let it begin, and see how long a block must be."""
        self.seconds_per_iteration(WARM_UP)
        self.block = max(1, round(BLOCK / self.seconds_per_iteration(WARM_UP)))

    def seconds_per_block(self) -> float:
        """Let it run a block; the seconds of one iteration."""
        return self.seconds_per_iteration(self.block)

    def seconds_per_iteration(self, count: int) -> float:
        """Let it run `count` iterations."""
        self.begin(count)
        return self.answer()

    def begin(self, count: int) -> None:
        """Tell it to run `count` iterations."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            print(count, file=self.process.stdin, flush=True)

    def answer(self) -> float:
        """Wait until it has; the seconds of one iteration."""
        assert self.process.stdout is not None
        if answer := self.process.stdout.readline():
            return float(answer)
        self.stderr.seek(0)
        raise RuntimeError(f"A contender ended: {self.stderr.read()[-2000:]}")

    def stop(self) -> int:
        """Let it end; its peak memory in MiB."""
        return int(self.process.communicate()[0].split()[-1])


class SideBySide:
    """Contenders that run at the same time, as fast as the slowest.

    Each is kept to its share of the cores, or all would have as many threads as one alone.
    """

    def __init__(self, contenders: Sequence[Contender]) -> None:
        self.contenders = contenders
        cores = sorted(os.sched_getaffinity(0))
        for number, one in enumerate(contenders):
            os.sched_setaffinity(one.process.pid, cores[number :: len(contenders)] or cores)

    def warm_up(self) -> None:
        """See `Contender`; all run as many iterations."""
        for one in self.contenders:
            one.warm_up()
        self.block = min(one.block for one in self.contenders)

    def seconds_per_block(self) -> float:
        """See `Contender`."""
        for one in self.contenders:
            one.begin(self.block)
        return max(one.answer() for one in self.contenders)

    def stop(self) -> int:
        """See `Contender`; the memory of all."""
        return sum(one.stop() for one in self.contenders)


@dataclass(frozen=True)
class Pace:
    """How fast one contender is."""

    milliseconds: float  # of an iteration, the median of its blocks
    times_limit: float  # the median of the pairs
    quartiles: tuple[float, float]  # the first and third of the same
    peak_memory_mib: int

    @classmethod
    def of(cls, pairs: list[tuple[float, float]], peak_memory_mib: int) -> Self:
        """Args: pairs: seconds of an iteration of the limit and of the contender, block beside block."""
        ratios = [contender / limit for limit, contender in pairs]
        first, _, third = quantiles(ratios, n=4, method="inclusive")
        return cls(
            milliseconds=round(1e3 * median(contender for _, contender in pairs), 2),
            times_limit=round(median(ratios), 2),
            quartiles=(round(first, 2), round(third, 2)),
            peak_memory_mib=peak_memory_mib,
        )

    as_dict = asdict


def take_turns(
    limit: Contender, contenders: Mapping[str, Contender | SideBySide], rounds: int, title: str
) -> dict[str, Pace]:
    """Every contender's pace, in `rounds` pairs with `limit`; and under "limit" its own."""
    for contender in tqdm([limit, *contenders.values()], desc=f"{title}: start", unit="contender"):
        contender.warm_up()
    pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in tqdm(range(rounds), desc=f"{title}: turns", unit="round"):
        for name, contender in contenders.items():
            pairs[name].append((limit.seconds_per_block(), contender.seconds_per_block()))
    alone = [(seconds, seconds) for of_one in pairs.values() for seconds, _ in of_one]
    return {
        "limit": Pace.of(alone, limit.stop()),
        **{name: Pace.of(pairs[name], contender.stop()) for name, contender in contenders.items()},
    }
