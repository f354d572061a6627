"""A file of the three frameworks -> pieces that stand side by side.

The three define the same names in the same order, so each is cut at its functions and methods, and inside
those at the numbered comments.
"""

import ast
import re
from collections.abc import Iterable, Sequence

from common.config import Config
from common.data.mnist import REPOSITORY
from common.engines import FRAMEWORKS

NUMBERED_COMMENT = re.compile(r" +# (\d+)\. ")

Pieces = dict[str, str]  # what a piece is, such as "GAN.train_step" or "GAN.generator_step, 4" -> its lines


def files_behind(configs: Iterable[Config]) -> list[str]:
    """`training.py`, and the files of what these runs change, each called after its setting."""
    names = ["training"]
    for config in configs:
        names += [config.networks, config.loss.replace("-", "_"), "conditional" if config.classes else ""]
    a_folder = REPOSITORY / next(iter(FRAMEWORKS.values())).package
    return [f"{name}.py" for name in dict.fromkeys(names) if (a_folder / f"{name}.py").exists()]


def side_by_side(file: str) -> dict[str, list[str]]:
    """The name of a piece -> its lines in each of the `FRAMEWORKS`, "" where a framework does without."""
    paths = (REPOSITORY / engine.package / file for engine in FRAMEWORKS.values())
    columns = [cut(path.read_text(encoding="utf-8")) for path in paths]
    return {name: [pieces.get(name, "") for pieces in columns] for name in merged(columns)}


def cut(source: str) -> Pieces:
    """The pieces of a Python file: all of its lines, in their order."""
    lines = source.splitlines()
    starts = {0: "imports"}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            starts[first_line(node)] = node.name
        if isinstance(node, ast.ClassDef):
            methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
            starts |= {first_line(method): f"{node.name}.{method.name}" for method in methods}
    name = ""
    for number, line in enumerate(lines):
        name = starts.get(number, name).partition(",")[0]
        if comment := NUMBERED_COMMENT.match(line):
            starts[number] = f"{name}, {comment[1]}"
    begins = sorted(starts)
    ends = [*begins[1:], len(lines)]
    return {starts[a]: "\n".join(lines[a:b]).strip("\n") for a, b in zip(begins, ends, strict=True)}


def first_line(node: ast.FunctionDef | ast.ClassDef) -> int:
    """Where a definition begins, decorators included; lines count from 0."""
    return min(one.lineno for one in (node, *node.decorator_list)) - 1


def merged(columns: Sequence[Pieces]) -> list[str]:
    """The names of all pieces: each after the one that it follows in its own file."""
    names: list[str] = []
    for pieces in columns:
        place = 0
        for name in pieces:
            if name not in names:
                names.insert(place, name)
            place = names.index(name) + 1
    return names
