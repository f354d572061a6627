"""What a run or a benchmark ran on."""

import os
import platform
import sys
from pathlib import Path

import numpy as np


def describe() -> dict[str, str]:
    """Hardware and versions that no framework knows about, for records."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.platform(),
        "cpu": cpu_name(),
        "cores": str(os.cpu_count()),
    }


def cpu_name() -> str:
    """The processor as its maker calls it, where the system says."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def python_command() -> str:
    """How to call this Python from the current folder."""
    try:
        return str(Path(sys.executable).relative_to(Path.cwd()))
    except ValueError:
        return "python"
