"""What all frameworks share: NumPy, files and pictures. Imports no framework."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  pip refuses older ones, `python3 -m` takes any
    sys.exit("error: Python 3.11 or newer is needed; `make train-torch` sets up .venv with one.")

from common.machine.imports import explain  # after that: older ones cannot read it

sys.excepthook = explain
