"""The results that the project keeps in `docs/results`, and the tables on its pages that are made from them.

    python -m common.results keep RUN STUDY/NAME    keeps what is worth it of a run that was compared before
    python -m common.results tables                 writes the tables anew

A kept run is a run folder, which `make compare` reads like any other; its losses are means of 100
iterations, of its pictures there are a few, and of checkpoints none, or with --generator what it takes to
generate images, and with --discriminator to judge them. Rows of the scoreboard are the steps of the course,
over all runs of a step: three frameworks are three seeds.
"""

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from tabulate import tabulate

from common.command_line.program import Parser, carry_out
from common.config import default, option_name
from common.data.mnist import REPOSITORY, default_data_dir
from common.engines import ENGINES
from common.errors import UsageError
from common.machine.files import replacing
from common.machine.hardware import device_in_words
from common.quality import quality
from common.report.comparison import (
    QUALITIES,
    Comparison,
    Measure,
    Table,
    compare,
    estimate,
    mean_tables,
    means,
    quality_table,
    run_table,
    values_of,
)
from common.runs.curves import fluctuation
from common.runs.run import Run, run_path

RESULTS = REPOSITORY / "docs" / "results"
STUDIES = {  # the runs that are compared with each other
    "frameworks": ("frameworks/*",),
    "full-schedule": ("full-schedule/*",),
    "update-order": ("frameworks/pytorch-*", "update-order/*"),
    "steps": ("steps/*",),
}
SCOREBOARD = {  # the steps of the course, and the runs of each
    "gan": "frameworks/*",
    "dcgan": "steps/dcgan-*",
    "cgan": "steps/cgan-*",
    "lsgan": "steps/lsgan-*",
    "wgan-gp": "steps/wgan-gp-*",
    "best": "steps/best-*",
    "best · without labels": "steps/unlabelled-*",
}
PAGES = (
    "README.md",
    "README.zh-CN.md",
    "docs/results/README.md",
    "docs/results/README.zh-CN.md",
    "docs/en/10-results.md",
    "docs/zh/10-results.md",
    "docs/en/09-update-order.md",
    "docs/zh/09-update-order.md",
    "docs/en/18-what-each-step-buys.md",
    "docs/zh/18-what-each-step-buys.md",
)
KEPT_EVERY = 100  # iterations
KEPT_PICTURES = (0, 250, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 93_750)
PLACE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
SEED = re.compile(r"^seed (\d+)$")
BACKEND = re.compile(r"^(\w+) on (\w+)$")  # Keras on JAX
ESSENTIAL = ("seeds", "D loss", "G loss", "Parzen", "score", "Fréchet", "precision", "recall", "as asked")
CHINESE = {
    "run": "训练",
    "runs": "训练次数",
    "generator": "生成器",
    "images of": "图片来源",
    "made by": "命令",
    "mean ± 95% interval": "均值 ± 95% 置信区间",
    "seeds": "种子数",
    "D loss": "D 损失",
    "G loss": "G 损失",
    "D varies": "D 波动",
    "G varies": "G 波动",
    "iterations": "迭代次数",
    "it/s": "迭代/秒",
    "minutes": "分钟",
    "MiB": "内存峰值/MiB",
    "Parzen": "Parzen",
    "score": "分类器得分",
    "Fréchet": "Fréchet 距离",
    "precision": "精确率",
    "recall": "召回率",
    "uneven": "数字不均匀度",
    "confident": "高置信度占比",
    "nearest": "最近邻距离",
    "real images": "真实图片",
    "untrained generator": "未训练的生成器",
    "as asked": "按要求生成的比例",
    "without labels": "不用标签",
    "computed on": "在哪里算的",
    "1-NN error": "最近邻错误率",
    "averaged": "滑动平均",
    "non-saturating": "非饱和",
    "least-squares": "最小二乘",
    "wasserstein": "Wasserstein",
    "conditional": "条件",
    "unconditional": "无条件",
    "distance": "距离",
    "penalty": "梯度惩罚",
    "W varies": "距离波动",
    "penalty varies": "梯度惩罚波动",
    "dense": "全连接",
    "convolutional": "卷积",
    "discriminator-first": "先更新判别器",
    "generator-first": "先更新生成器",
}


def keep(
    run: Run,
    folder: Path,
    generators: Sequence[str] = (),
    discriminator: bool = False,
    film: bool = False,
) -> None:
    """Copy to `folder` what is worth keeping of `run`.

    Args:
        generators: which of its generators to keep too: "last", "averaged", both or none.
        discriminator: whether to keep it beside a generator.
        film: whether to keep its film.

    Raises:
        UsageError: there is such a folder already, the images of `run` can be measured and were not, or a
            discriminator alone is asked for.
    """
    if discriminator and not generators:
        raise UsageError("--discriminator is kept beside a generator; add --generator last.")
    if folder.exists():
        raise UsageError(f"{folder} exists already; remove it, or choose another name.")
    if run.record["data"]["name"] == "mnist" and not quality.kept(run):
        raise UsageError(
            f"How good the images of {run.folder} are was not measured; `make compare` does that."
        )
    losses = run.losses()
    state = run.newest_checkpoint() if generators else None  # may be gone: before anything is written
    (folder / "samples").mkdir(parents=True)
    Run(folder, run.record | {"fluctuation": fluctuation(losses, run.objective)}).save_record()
    header, starts = run.objective.header, range(0, len(losses), KEPT_EVERY)
    rows = [thinned(losses[start : start + KEPT_EVERY], header) for start in starts]
    (folder / "losses.csv").write_text("\n".join([",".join(header), *rows, ""]), encoding="ascii")
    pictures = [f"samples/{iteration:08}.png" for iteration in {*KEPT_PICTURES, run.config.steps}]
    for name in ("quality.json", "neighbours.png", *pictures, *(["samples.gif"] if film else [])):
        if (run.folder / name).exists():
            shutil.copy(run.folder / name, folder / name)
    if state:
        (folder / "checkpoints").mkdir()
        alone = state.networks_alone(generators, discriminator)
        alone.save(folder / "checkpoints" / f"{state.iteration:08}.safetensors")


def thinned(losses: np.ndarray, header: Sequence[str]) -> str:
    """One row of losses.csv for several: their last iteration, and their means."""
    means = [f"{losses[column].mean():.5g}" for column in header[1:]]
    return ",".join([str(losses["iteration"][-1]), *means])


def tables() -> dict[str, Table]:
    """The tables of each study, by the names that the pages give them, such as "frameworks.means"."""
    made: dict[str, Table] = {}
    for study, patterns in STUDIES.items():
        folders = [folder for pattern in patterns for folder in sorted(RESULTS.glob(pattern))]
        kept = compare(folders, default_data_dir())
        known = {"seeds", *(measure.heading for measure in kept.measures.values())}
        headings = [heading for heading in ESSENTIAL if heading in known]
        essential = [
            [generator, *(cells[heading] for heading in headings)]
            for generator, cells in means(kept, kept.measures).items()
        ]
        runs = [entry.run for entry in kept.entries]
        commands = [[f"`{run.folder.relative_to(RESULTS)}`", f"`{command(run)}`"] for run in runs]
        made[f"{study}.essential"] = Table(["mean ± 95% interval", *headings], essential)
        *_, made[f"{study}.means"] = mean_tables(kept)
        made[f"{study}.quality"] = quality_table(kept)
        for loss, part in kept.parts.items():
            made[f"{study}.runs" if len(kept.parts) == 1 else f"{study}.runs.{loss}"] = run_table(part)
        made[f"{study}.costs"] = cost_table(kept)
        made[f"{study}.commands"] = Table(["run", "made by"], commands)
    essential_qualities = {
        name: measure for name, measure in QUALITIES.items() if measure.heading in ESSENTIAL
    }
    made["scoreboard"] = scoreboard(QUALITIES)
    made["scoreboard.essential"] = scoreboard(essential_qualities)
    return made


def scoreboard(measures: Mapping[str, Measure]) -> Table:
    """What each step of the course reaches: means over its runs, below real images."""
    measured = {name: [values_of(one)] for name, one in quality.scale().items()}
    iterations = dict.fromkeys(measured, "")
    for step, pattern in SCOREBOARD.items():
        for entry in compare(sorted(RESULTS.glob(pattern)), default_data_dir()).entries:
            for weights, values in entry.measured.items():
                name = " · ".join(filter(None, (step, weights)))
                measured.setdefault(name, []).append(values)
                iterations[name] = f"{entry.iterations:,}"
    rows = [
        [
            name,
            iterations[name],
            str(len(of_runs)) if iterations[name] else "",
            *(
                estimate([values[one] for values in of_runs if one in values], measure.form)
                for one, measure in measures.items()
            ),
        ]
        for name, of_runs in measured.items()
    ]
    return Table(["generator", "iterations", "runs", *(one.heading for one in measures.values())], rows)


def cost_table(kept: Comparison) -> Table:
    """What each run took, and on what."""
    rows = []
    for entry in kept.entries:
        devices = [device_in_words(one["environment"]) for one in entry.run.record["sessions"]]
        folder = f"`{entry.run.folder.relative_to(RESULTS)}`"
        rows.append([folder, " → ".join(dict.fromkeys(devices)), *entry.effort.values()])
    return Table(["run", "computed on", *kept.entries[0].effort], rows)


def command(run: Run) -> str:
    """What makes `run` again."""
    engine = ENGINES[run.record["sessions"][0]["framework"]]
    options = [
        option_name(name) if name == "classes" else f"{option_name(name)} {value}"
        for name, value in run.config.as_dict().items()
        if value != default(name, run.config.loss)
    ]
    return f'{engine.variables}make train-{engine.short_name} ARGS="{" ".join(options)}"'


def with_tables(page: Path, made: Mapping[str, Table], words: Mapping[str, str] = CHINESE) -> str:
    """The text of `page` with those of its tables that are `made`; on a Chinese page in Chinese `words`."""
    chinese = page.name.endswith(".zh-CN.md") or page.parent.name == "zh"

    def fill(place: re.Match[str]) -> str:
        table = made.get(place[2])
        if table is None:
            return place[0]
        rows = [table.headings, *table.rows]
        if chinese:
            rows = [[in_chinese(cell, words) for cell in row] for row in rows]
        text = tabulate(rows, headers="firstrow", tablefmt="github", disable_numparse=True)
        return f"{place[1]}{text}\n{place[3]}"

    return PLACE.sub(fill, page.read_text(encoding="utf-8"))


def in_chinese(cell: str, words: Mapping[str, str]) -> str:
    """A cell of a table, its parts translated."""
    parts = [words.get(part, part) for part in cell.split(" · ")]
    return " · ".join(BACKEND.sub(r"\1（\2）", SEED.sub(r"种子 \1", part)) for part in parts)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Carry out the command line and exit."""

    def carry_out_command() -> int:
        options = vars(build_parser().parse_args(arguments))
        options.pop("command")(**options)
        return 0

    carry_out(carry_out_command)


def build_parser() -> Parser:
    """The whole command line."""
    parser = Parser(prog="python -m common.results", description="Keep results, and make the tables of them.")
    commands = parser.add_subparsers(metavar="keep | tables", required=True)
    keeping = commands.add_parser("keep", help="keep what is worth keeping of a run")
    keeping.add_argument("run", metavar="RUN", type=run_path, help="the run's folder")
    keeping.add_argument(
        "name", metavar="STUDY/NAME", help=f"of the folder in {RESULTS.relative_to(REPOSITORY)}"
    )
    keeping.add_argument(
        "--generator",
        nargs="+",
        choices=("last", "averaged"),
        default=(),
        metavar="WEIGHTS",
        help="keep this generator too, or both, to generate from: last, averaged",
    )
    keeping.add_argument("--discriminator", action="store_true", help="keep it too, beside a generator")
    keeping.add_argument("--film", action="store_true", help="keep its film too")
    keeping.set_defaults(
        command=lambda run, name, generator, discriminator, film: keep(
            Run.open(run), RESULTS / name, generator, discriminator, film
        )
    )
    commands.add_parser("tables", help="write the tables anew").set_defaults(command=write_tables)
    return parser


def write_tables() -> None:
    """Make the tables on all `PAGES` anew."""
    made = tables()
    for page in PAGES:
        path = REPOSITORY / page
        text = with_tables(path, made)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
