"""One training in several processes: the first reads and writes all files, the others do as it does."""

import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from common.checkpoint import Arrays, Checkpoint
from common.runs.recorder import Recorder

# An array as the first process has it, in every process; elsewhere only its shape counts. int32.
FromFirst = Callable[[np.ndarray], np.ndarray]
NO_MORE = -1  # in the place of an iteration
GONE = (
    "Another process of this training has ended or cannot be reached; look at what it says, then go on from "
    "the last checkpoint with --resume."
)


def number_from_first(number: int, from_first: FromFirst) -> int:
    """The `number` that the first process calls this with."""
    return int(from_first(np.array([number], np.int32))[0])


def object_from_first(it: Any, from_first: FromFirst) -> Any:
    """What the first process calls this with, in every process; the others call it with None."""
    message = b"" if it is None else pickle.dumps(it)
    size = number_from_first(len(message), from_first)
    padded = np.frombuffer(message.ljust(size + -size % 4, b"\0"), np.int32)
    return pickle.loads(from_first(padded).tobytes()[:size])


class Together:
    """A recorder for every process: all do the iterations of the first, which alone records."""

    def __init__(self, start: Checkpoint, recorder: Recorder | None, from_first: FromFirst) -> None:
        self.start = start
        self.recorder = recorder
        self.from_first = from_first

    def follow(
        self, make_images: Callable[[np.ndarray], np.ndarray], make_arrays: Callable[[], Arrays]
    ) -> None:
        """See `Recorder.follow`."""
        if self.recorder:
            self.recorder.follow(make_images, make_arrays)

    def iterations(self) -> Iterator[int]:
        """Those of the first process."""
        own = self.recorder.iterations() if self.recorder else iter(())
        while (iteration := number_from_first(next(own, NO_MORE), self.from_first)) != NO_MORE:
            yield iteration

    def record(self, iteration: int, measured: Mapping[str, float]) -> None:
        """See `Recorder.record`; an error there ends the training in all processes."""
        if self.recorder:
            try:
                self.recorder.record(iteration, measured)
            except BaseException:
                number_from_first(NO_MORE, self.from_first)
                raise
