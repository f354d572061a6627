"""What an iteration takes as the batch grows, from `benchmarks/results/`, which `make bench` writes."""

import json

from common.engines import ENGINES
from docs.figures.speed import RESULTS
from docs.figures.style import GREY, figure, save


def main() -> None:
    """Milliseconds for an image, times the limit, and memory, against the batch size."""
    found = json.loads(RESULTS.read_text())["batch"]["found"]
    sizes = [int(size) for size in found]
    drawn = figure(8, 3.4)
    axes = drawn.subplots(1, 3)
    for name in next(iter(found.values())):
        line, colour = ("o-", ENGINES[name].colour) if name in ENGINES else ("--", GREY)
        of_one = [found[str(size)][name] for size in sizes]
        per_image = [one["milliseconds"] / size for size, one in zip(sizes, of_one, strict=True)]
        axes[0].plot(sizes, per_image, line, color=colour, ms=4, label=name)
        axes[1].plot(sizes, [one["times_limit"] for one in of_one], line, color=colour, ms=4)
        axes[2].plot(sizes, [one["peak_memory_mib"] for one in of_one], line, color=colour, ms=4)
    for ax, label in zip(axes, ("ms / image", "/ limit", "MiB"), strict=True):
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.minorticks_off()
        ax.set(xlabel="batch", ylabel=label)
    axes[0].set_yscale("log")
    axes[0].set_yticks([0.25, 0.5, 1], ["0.25", "0.5", "1"])
    axes[0].minorticks_off()
    axes[2].set_ylim(bottom=0)
    drawn.legend(loc="outside upper center", ncols=3)
    save(drawn, "growth")


if __name__ == "__main__":
    main()
