"""What a run or a benchmark ran on."""

import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

WINDOWS = os.name == "nt"
# Variables by which users choose processor instructions, threads and what compilers may do. They change how
# sums are rounded, and so in the end every number of a run, but neither the dtype nor the algorithm.
ROUNDING = re.compile(
    r"((ATEN|BLIS|CUBLAS|DNNL|MKL|NPY|OMP|ONEDNN|OPENBLAS|PYTORCH|ROCBLAS|VECLIB)_"
    r"|TF_(DETERMINISTIC|ENABLE|JIT|NUM|SET)_|TORCH_(BLAS|MKLDNN)_|(TF_)?XLA_FLAGS$|NVIDIA_TF32_OVERRIDE$)"
)


# Variables by which users let processors multiply float32 with fewer digits.
FEWER_DIGITS = ("DNNL_DEFAULT_FPMATH_MODE", "ONEDNN_DEFAULT_FPMATH_MODE", "TF_SET_ONEDNN_FPMATH_MODE")


def forbid_fewer_digits() -> None:
    """Take `FEWER_DIGITS` out of the environment, before a framework reads them."""
    for name in FEWER_DIGITS:
        os.environ.pop(name, None)


def describe() -> dict[str, str]:
    """Hardware and versions that no framework knows about, and the variables for rounding; for records."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.platform(),
        "cpu": cpu_name(),
        "cores": str(usable_cores()),
        **{name: value for name, value in sorted(os.environ.items()) if ROUNDING.match(name)},
    }


def device_in_words(environment: Mapping[str, str]) -> str:
    """What computes, out of the record of a session: `2 x cpu (AMD EPYC, cores: 2)`, `cuda:0 NVIDIA H100`."""
    device = environment["device"]
    if "devices" in environment:
        device = f"{environment['devices']} x {device}"
    if environment["device"].startswith("cpu"):
        return f"{device} ({environment['cpu']}, cores: {environment['cores']})"
    return device


def usable_cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory() -> int | None:
    """The most memory this process has held so far, in MiB; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)


def cpu_name() -> str:
    """The processor as its maker calls it, where the system says."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def python_line(arguments: Sequence[str], variables: str = "") -> str:
    """What to type in the current folder to call this Python.

    Args:
        variables: of the environment, as a POSIX shell has them before a command: `NAME=value `.
    """
    try:
        python = str(Path(sys.executable).relative_to(Path.cwd()))
    except ValueError:
        python = sys.executable
    if WINDOWS:  # as PowerShell has it
        name, _, value = variables.strip().partition("=")
        setting = f'$env:{name} = "{value}"; ' if name else ""
        return f"{setting}& {subprocess.list2cmdline([python, *arguments])}"
    return variables + shlex.join([python, *arguments])
