"""How fast each framework trains, from `benchmarks/results.json`, which `make bench` writes.

`loop` is this project's own training, `plain` the one that the framework's own tutorial writes, `floor` the
matrix products of an iteration alone. Beside it: seconds from the command to the end of the first iteration,
and peak memory.
"""

import json
from pathlib import Path

import numpy as np

from docs.figures.style import BLUE, GREY, ORANGE, figure, save

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results.json"


def main() -> None:
    """Three measures, a row for each framework."""
    results = json.loads(RESULTS.read_text())
    milliseconds, frameworks = results["milliseconds_per_iteration"], results["frameworks"]
    rows = np.arange(len(frameworks))
    drawn = figure(8, 4)
    pace, start, memory = drawn.subplots(1, 3, sharey=True, width_ratios=[2.2, 1, 1])

    bars = pace.barh(rows - 0.2, [milliseconds[name] for name in frameworks], 0.38, color=BLUE, label="loop")
    pace.bar_label(bars, fmt="%.1f", padding=3)
    plain = {row: milliseconds.get(f"plain {name}") for row, name in enumerate(frameworks)}
    plain = {row: value for row, value in plain.items() if value}
    bars = pace.barh(
        [row + 0.2 for row in plain], list(plain.values()), 0.38, color=ORANGE, alpha=0.7, label="plain"
    )
    pace.bar_label(bars, fmt="%.1f", padding=3)
    pace.axvline(milliseconds["floor"], color=GREY, ls="--", label="floor")
    pace.set_yticks(rows, list(frameworks))
    pace.set(xlabel="ms", xlim=(0, 58))
    pace.invert_yaxis()
    pace.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)

    for ax, key, unit in (
        (start, "seconds_to_first_iteration", "s"),
        (memory, "peak_memory_mib", "MiB"),
    ):
        values = [framework[key] for framework in frameworks.values()]
        ax.bar_label(ax.barh(rows, values, 0.5, color=BLUE), padding=3)
        ax.set(xlabel=unit, xlim=(0, 1.45 * max(values)))
        ax.tick_params(axis="y", length=0)
    for ax in (pace, start, memory):
        ax.grid(visible=False, axis="y")
    save(drawn, "speed")


if __name__ == "__main__":
    main()
