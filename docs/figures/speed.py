"""How fast each framework trains, from `benchmarks/results/`, which `make bench` writes.

`ours` is this project's own training, `plain` the one that the framework's own tutorial writes, `limit` what
an iteration cannot do without: its matrix products and one pass of Adam. Beside it: seconds from the command
to the end of the first iteration, and peak memory.
"""

import json
from pathlib import Path

import numpy as np

from docs.figures.style import BLUE, GREY, ORANGE, figure, save

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "amd-epyc-2-cores.json"


def main() -> None:
    """Three measures, a row for each framework."""
    results = json.loads(RESULTS.read_text())
    paces, starts = results["pace"]["found"], results["start"]["found"]
    rows = np.arange(len(starts))
    drawn = figure(8, 4)
    pace, start, memory = drawn.subplots(1, 3, sharey=True, width_ratios=[2.2, 1, 1])

    ours = [paces[name]["milliseconds"] for name in starts]
    plain = {row: paces.get(f"plain {name}") for row, name in enumerate(starts)}
    plain = {row: one["milliseconds"] for row, one in plain.items() if one}
    bars = pace.barh(rows - 0.2, ours, 0.38, color=BLUE, label="ours")
    pace.bar_label(bars, fmt="%.1f", padding=3)
    places = [row + 0.2 for row in plain]
    bars = pace.barh(places, list(plain.values()), 0.38, color=ORANGE, alpha=0.7, label="plain")
    pace.bar_label(bars, fmt="%.1f", padding=3)
    pace.axvline(paces["limit"]["milliseconds"], color=GREY, ls="--", label="limit")
    pace.set_yticks(rows, list(starts))
    pace.set(xlabel="ms", xlim=(0, 1.2 * max(ours + list(plain.values()))))
    pace.invert_yaxis()
    pace.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)

    for ax, values, unit in (
        (start, [one["together"] for one in starts.values()], "s"),
        (memory, [paces[name]["peak_memory_mib"] for name in starts], "MiB"),
    ):
        ax.bar_label(ax.barh(rows, values, 0.5, color=BLUE), padding=3)
        ax.set(xlabel=unit, xlim=(0, 1.45 * max(values)))
        ax.tick_params(axis="y", length=0)
    for ax in (pace, start, memory):
        ax.grid(visible=False, axis="y")
    save(drawn, "speed")


if __name__ == "__main__":
    main()
