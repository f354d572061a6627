"""Which of a framework's devices computes: one spelling for all frameworks, and a trial before the start."""

import sys
from collections.abc import Callable, Sequence

from common.errors import UsageError
from common.machine.hardware import usable_cores

SAME_KIND = {"cuda": "gpu", "gpu": "cuda"}  # PyTorch says cuda, TensorFlow and JAX say gpu
MOST_ON_A_CPU = 8  # devices that a CPU with fewer cores passes for


def choose(name: str, devices: Sequence[str], compute: Callable[[str], None], title: str) -> str:
    """The one of `devices` called `name`; `auto` is the first that can compute.

    Args:
        name: auto, a kind such as gpu, cuda or cpu, or a kind with a number such as cuda:1; in any case.
        devices: all there are, as the framework spells them, the fastest first.
        compute: computes a little on a device, or raises whatever the framework raises.
        title: the framework's name.

    Raises:
        UsageError: there is no such device, or it cannot compute.
    """
    automatic = name.lower() == "auto"
    candidates = [device for device in devices if automatic or is_called(name, device)]
    if not candidates:
        raise UsageError(f"{title} has no --device {name} here; use auto, or {' or '.join(devices)}.")
    return first_that_computes(candidates if automatic else candidates[:1], compute, title)


def with_others(first: str, count: int, devices: Sequence[str], title: str) -> list[str]:
    """`first`, as `choose` chose it, and those that follow it among `devices`: `count` of one kind.

    A CPU passes for several: where there are no GPUs, the same can be learnt.

    Raises:
        UsageError: there are not so many.
    """
    if is_cpu(first):
        most = max(MOST_ON_A_CPU, usable_cores())
        if count > most:
            raise UsageError(f"--devices must be at most {most} on this CPU, not {count}.")
        return [first] * count
    kind = first.partition(":")[0]
    of_kind = [one for one in devices[devices.index(first) :] if one.partition(":")[0] == kind]
    if count > len(of_kind):
        raise UsageError(
            f"--devices must be at most {len(of_kind)}, as many as {title} has from {first} on, not {count}; "
            "or use --device cpu, which passes for several."
        )
    return of_kind[:count]


def first_that_computes(devices: Sequence[str], compute: Callable[[str], None], title: str) -> str:
    """The first of `devices` that does; a notice for each that does not, `UsageError` if it was the last."""
    device, *others = devices
    try:
        compute(device)
    except Exception as error:  # every framework has its own
        why = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        trouble = f"{title} cannot compute on {device} ({why})"
        if not others:
            raise UsageError(f"{trouble}; use another --device, such as cpu.") from None
        print(f"Notice: {trouble}; it takes {others[0]} instead.", file=sys.stderr)
        return first_that_computes(others, compute, title)
    return device


def is_cpu(name: str) -> bool:
    """Whether a user asks for the CPU by `name`."""
    return name.lower().partition(":")[0] == "cpu"


def is_called(name: str, device: str) -> bool:
    """Whether a user may mean `device` by `name`: a kind, or a kind with a number."""
    kind, _, number = name.lower().partition(":")
    device_kind, _, device_number = device.lower().partition(":")
    return kind in (device_kind, SAME_KIND.get(device_kind)) and number in ("", device_number or "0")
