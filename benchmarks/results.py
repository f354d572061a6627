"""What was measured, in a file for each processor, and the tables that show it."""

import json
import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.plain import PLAIN_LOOPS
from common.data.mnist import REPOSITORY, Images
from common.engines import ENGINES
from common.machine import hardware
from common.machine.files import replacing
from common.report.comparison import Table
from common.results import with_tables

RESULTS = Path(__file__).parent / "results"
PAGES = (
    "README.md",
    "README.zh-CN.md",
    "docs/en/11-three-frameworks.md",
    "docs/zh/11-three-frameworks.md",
    "docs/en/14-convolutions.md",
    "docs/zh/14-convolutions.md",
    "docs/en/20-more-than-one-device.md",
    "docs/zh/20-more-than-one-device.md",
)
CHINESE = {
    "limit": "极限",
    "ms per iteration": "毫秒/迭代",
    "times the limit": "极限的倍数",
    "half of the pairs": "中间一半",
    "MiB": "内存峰值/MiB",
    "plain loop, ms": "普通写法/毫秒",
    "plain / ours": "普通写法 / 本项目",
    "at the same arithmetic": "折算到同样的计算量",
    "batch": "批大小",
    "recipe": "配方",
    "devices": "设备数",
    "one, ms": "一个设备/毫秒",
    "together, ms": "一起训练/毫秒",
    "apart, ms": "各练各的/毫秒",
    "share of messages": "通信占比",
    "each sends": "每个设备发送",
    "images": "图片数",
    "runs": "训练数",
    "iterations": "迭代次数",
    "seconds": "秒",
    "import": "导入框架",
    "data, networks": "数据、网络",
    "first iteration": "第一次迭代",
    "together": "合计",
    "measured": "首次（含测量）",
    "again": "再次",
}


def file_of_this_processor() -> Path:
    """Such as `results/amd-epyc-2-cores.json`."""
    name = re.sub(r"\W+", "-", f"{hardware.cpu_name()} {hardware.usable_cores()} cores".lower())
    return RESULTS / f"{name}.json"


def keep(part: str, command: str, images: Images, found: Mapping[str, Any]) -> None:
    """Put what a part found into the file of this processor, and leave the others in it as they are."""
    path = file_of_this_processor()
    packages = sorted({module for engine in ENGINES.values() for module in engine.modules})
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept[part] = {
        "command": command,
        "data": images.title,
        "environment": hardware.describe() | {package: version(package) for package in packages},
        "found": found,
    }
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(kept, indent=2) + "\n")


def tables_of(part: str, found: Mapping[str, Any]) -> dict[str, Table]:
    """What a part found, in tables."""
    return {
        "pace": pace_tables,
        "batch": batch_tables,
        "dcgan": lambda found: {f"dcgan.{name}": table for name, table in pace_tables(found).items()},
        "recipes": recipe_tables,
        "devices": device_tables,
        "start": start_tables,
        "generate": generate_tables,
        "compare": compare_tables,
        "length": length_tables,
    }[part](found)


def pace_tables(found: Mapping[str, Any]) -> dict[str, Table]:
    """Trainings beside the limit, and beside the loops of tutorials."""
    headings = ["", "ms per iteration", "times the limit", "half of the pairs", "MiB"]
    paces = [
        [
            name,
            f"{one['milliseconds']:.1f}",
            f"{one['times_limit']:.2f}",
            "{:.2f} to {:.2f}".format(*one["quartiles"]),
            f"{one['peak_memory_mib']:,}",
        ]
        for name, one in found.items()
        if not name.startswith("plain ")
    ]
    plain = []
    for name in PLAIN_LOOPS:
        ours, other = found[name], found[f"plain {name}"]
        ratio = other["times_limit"] / ours["times_limit"]
        same = ratio * ours["gigaflop"] / other["gigaflop"]
        plain.append([name, f"{other['milliseconds']:.1f}", f"{ratio:.2f}", f"{same:.2f}"])
    return {
        "pace": Table(headings, paces),
        "plain": Table(["", "plain loop, ms", "plain / ours", "at the same arithmetic"], plain),
    }


def batch_tables(found: Mapping[str, Any]) -> dict[str, Table]:
    """Milliseconds for an image, times the limit, and memory."""
    names = [*next(iter(found.values()))]

    def table(cell: Callable[[dict[str, Any], int], str]) -> Table:
        return Table(
            ["batch", *found],
            [[name, *(cell(found[one][name], int(one)) for one in found)] for name in names],
        )

    return {
        "batch.time": table(lambda one, size: f"{one['milliseconds'] / size:.3f}"),
        "batch.limit": table(lambda one, size: f"{one['times_limit']:.2f}"),
        "batch.memory": table(lambda one, size: f"{one['peak_memory_mib']:,}"),
    }


def recipe_tables(found: Mapping[str, Any]) -> dict[str, Table]:
    """Milliseconds for an iteration, and times the limit."""
    names = [*next(iter(found.values()))]

    def cell(one: Mapping[str, Any]) -> str:
        return f"{one['milliseconds']:.1f} ms · {one['times_limit']:.2f}"

    rows = [[name, *(cell(found[recipe][name]) for recipe in found)] for name in names]
    return {"recipes": Table(["recipe", *found], rows)}


def device_tables(found: Mapping[str, Any]) -> dict[str, Table]:
    """Milliseconds on one device and on several, what part of those are messages, and what is sent."""
    rows = []
    for recipe, engines in found.items():
        for name, counts in engines.items():
            for count, one in counts.items():
                together, apart = one["together"], one["apart"]
                messages = 1 - apart["milliseconds"] / together["milliseconds"]
                rows.append(
                    [
                        f"{recipe} · {name}",
                        count,
                        f"{one['limit']['milliseconds']:.1f}",
                        f"{together['milliseconds']:.1f}",
                        f"{apart['milliseconds']:.1f}",
                        f"{messages:.0%}",
                        f"{one['sent_mb']:.1f} MB" if "sent_mb" in one else "",
                    ]
                )
    headings = ["", "devices", "one, ms", "together, ms", "apart, ms", "share of messages", "each sends"]
    return {"devices": Table(headings, rows)}


def start_tables(found: Mapping[str, Any]) -> dict[str, Table]:
    """Seconds to the first iteration."""
    headings = ["seconds", "import", "data, networks", "first iteration", "together"]
    rows = [[name, *(f"{seconds:.1f}" for seconds in one.values())] for name, one in found.items()]
    return {"start": Table(headings, rows)}


def generate_tables(found: Mapping[str, Any]) -> dict[str, Table]:
    """Seconds of a whole command, images in each of its seconds, and memory."""
    headings = ["images", *(f"{int(count):,}" for count in next(iter(found.values())))]

    def cell(count: str, one: dict[str, Any]) -> str:
        rate = int(count) / one["seconds"]
        return (
            f"{one['seconds']:.1f} s · {rate:,.{0 if rate >= 10 else 1}f}/s · {one['peak_memory_mib']:,} MiB"
        )

    rows = [[name, *(cell(count, one) for count, one in costs.items())] for name, costs in found.items()]
    return {"generate": Table(headings, rows)}


def compare_tables(found: Mapping[str, Any]) -> dict[str, Table]:
    """Seconds of a whole command, and memory."""
    headings = ["runs", *found["again"]]
    rows = [
        [kind, *(f"{one['seconds']:,.1f} s · {one['peak_memory_mib']:,} MiB" for one in costs.values())]
        for kind, costs in found.items()
    ]
    return {"compare": Table(headings, rows)}


def length_tables(found: Mapping[str, Any]) -> dict[str, Table]:
    """Peak memory."""
    headings = ["iterations", *(f"{int(steps):,}" for steps in next(iter(found.values())))]
    rows = [[name, *(f"{peak:,} MiB" for peak in peaks.values())] for name, peaks in found.items()]
    return {"length": Table(headings, rows)}


def page_tables() -> dict[str, Table]:
    """All tables of all processors, by the names that the pages give them: `amd-epyc-2-cores.pace`."""
    return {
        f"{path.stem}.{name}": table
        for path in sorted(RESULTS.glob("*.json"))
        for part, kept in json.loads(path.read_text()).items()
        for name, table in tables_of(part, kept["found"]).items()
    }


def write_on_pages() -> None:
    """Make the tables on all `PAGES` anew."""
    made = page_tables()
    for page in PAGES:
        path = REPOSITORY / page
        text = with_tables(path, made, CHINESE)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
