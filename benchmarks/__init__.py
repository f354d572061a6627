"""Speed and memory, measured side by side; `make bench` runs it."""

import common  # noqa: F401  which explains imports that fail
