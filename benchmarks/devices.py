"""This project's training on several devices.

Two even where there is one core, to show what they cost; more where there are as many cores. What processes
send each other shows on Linux' loopback; in a framework that has all devices in one process it goes through
memory, and nothing counts it.
"""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.pace import Contender, SideBySide, take_turns
from common.config import Config
from common.engines import ENGINES
from common.machine.hardware import usable_cores

COUNTED = 20  # iterations


def several(config: Config, title: str) -> dict[str, Any]:
    """Trainings with `config` on one device and on several, and what the messages of several cost.

    Beside several devices that share out a batch stand as many trainings that each have its share for a
    batch: they compute the same, and send each other nothing.
    """
    found: dict[str, Any] = {}
    for name in ("PyTorch", "TensorFlow", "Keras on TensorFlow", "Keras on JAX"):
        engine = ENGINES[name]
        of_engine: dict[str, dict[str, Any]] = {}
        start = partial(Contender, keras_backend=engine.keras_backend)
        for count in [count for count in (2, 4, 8) if count == 2 or count <= usable_cores()]:
            share = replace(config, batch_size=config.batch_size // count)
            launcher = torchrun(count) if name == "PyTorch" else []
            together = partial(start, "loop", engine.package, f"{count}", config=config, launcher=launcher)
            contenders: dict[str, Contender | SideBySide] = {
                "together": together(),
                "apart": SideBySide([start("loop", engine.package, "1", config=share) for _ in range(count)]),
            }
            one = start("loop", engine.package, "1", config=config)
            paces = take_turns(one, contenders, rounds=8, title=f"{title}, {name}, {count} devices")
            of_engine[f"{count}"] = {key: pace.as_dict() for key, pace in paces.items()}
            if launcher:
                of_engine[f"{count}"]["sent_mb"] = megabytes_sent(together(), count)
        found[name] = of_engine
    return found


def torchrun(count: int) -> list[str]:
    """The module that starts so many processes of another one."""
    return ["torch.distributed.run", "--standalone", "--nproc-per-node", f"{count}", "-m"]


def megabytes_sent(contender: Contender, count: int) -> float:
    """What each of its `count` processes sends in an iteration."""
    contender.warm_up()
    before = sent_on_loopback()
    contender.seconds_per_iteration(COUNTED)
    sent = sent_on_loopback() - before
    contender.stop()
    return round(sent / (COUNTED + 1) / count / 1e6, 2)  # one iteration comes before those that are timed


def sent_on_loopback() -> int:
    """Bytes since the machine was started, as Linux counts them."""
    (line,) = re.findall(r"lo:(.*)", Path("/proc/net/dev").read_text())
    return int(line.split()[8])
