"""A framework folder, as the command line sees it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from common.checkpoint import Arrays
from common.config import Config
from common.engines import Engine
from common.errors import GanError
from common.feed import Feed
from common.machine import hardware
from common.machine.imports import shadow
from common.machine.streams import silent_stderr
from common.runs.recorder import Recorder
from common.runs.together import FromFirst

DEVICE = "auto"


@dataclass(frozen=True)
class Implementation:
    """What a framework folder offers; `device` is whatever its `select_device` returns."""

    select_device: Callable[[str], Any]
    environment: Callable[[Any], dict[str, str]]
    make_gan: Callable[[Config, Any], Any]
    train: Callable[[Any, Feed, Recorder, Any], None]
    generate: Callable[[Config, Arrays, np.ndarray, Any], np.ndarray]
    # Where processes train together:
    launch: Callable[[str, int], int] | None = None  # starts one for each device; returns the exit status
    from_first: FromFirst | None = None


class Place(NamedTuple):
    """Where this process stands among those that train together, as the environment says."""

    processes: int = 0  # 0 where nobody has started several
    number: int = 0  # of this one; the first reads and writes for all


@dataclass(frozen=True)
class Framework:
    """A framework folder, before its framework is imported."""

    engine: Engine
    load: Callable[[int], Implementation]  # takes seconds: done once the options are known to be good
    place: Callable[[], Place] = Place


def load(framework: Framework, devices: int = 1) -> Implementation:
    """`framework.load(devices)`, without the notices that its compiled libraries write to stderr meanwhile.

    Raises:
        GanError: it is not installed.
    """
    hardware.forbid_fewer_digits()
    try:
        with silent_stderr():
            return framework.load(devices)
    except (ImportError, AttributeError) as error:
        if other := shadow(error):
            raise GanError(f"{other}.") from None
        if isinstance(error, AttributeError):
            raise
        raise GanError(
            f"{framework.engine.title} cannot be imported ({error}); "
            f"`{framework.engine.variables}make train-{framework.engine.short_name}` installs what it needs."
        ) from None
