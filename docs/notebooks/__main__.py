"""`python -m docs.notebooks`: makes the notebooks again, one per framework, and keeps the pictures they show.

One whose cells are as they were stays as it is; the others run from top to bottom, four minutes each on two
cores. Their text is in `notebook.md.jinja`, a Markdown page. Its code blocks become code cells:

    ```python
    A cell as it stands.
    ```

    ```training.py adam GAN.__init__ GAN.train_step
    ```

The second kind is filled from the framework's folder: the functions, classes, constants or single methods
named, below the imports that they need and that no cell before has made. A symbol that only some of the
frameworks have is left out of the others' notebooks; one that none has is an error.
"""

import argparse
import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode, v4

from common.data import mnist
from common.data.mnist import REPOSITORY
from common.engines import FRAMEWORKS
from common.report.sources import first_line

FOLDER = Path(__file__).parent
CODE_BLOCK = re.compile(r"^```(\S+)(.*)\n((?:.*\n)*?)```\n", re.MULTILINE)
METADATA = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {"name": "python"},
}

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign
Import = ast.Import | ast.ImportFrom


def path(title: str) -> Path:
    """Where the notebook of a framework, one of `FRAMEWORKS`, is kept."""
    return FOLDER / f"{title.lower()}.ipynb"


def without_outputs(kept: Path) -> str:
    """The content of the notebook at `kept` as `notebook` has it, "" if there is none."""
    if not kept.exists():
        return ""
    found = nbformat.read(kept, as_version=4)
    for cell in found.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(found) + "\n"


def run(source: str, folder: Path) -> NotebookNode:
    """The notebook `source` after all its cells, run in `folder` by this Python, whatever kernels exist."""
    made = nbformat.reads(source, as_version=4)
    kernel = AsyncKernelManager(kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(made, km=kernel, resources=where, startup_timeout=300, timeout=None).execute()
    return made


def with_pictures(made: NotebookNode) -> str:
    """A notebook that has run, with its pictures alone: what else it says, such as its pace, changes."""
    for cell in made.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            shown = [output.get("data", {}) for output in cell.outputs]
            cell.execution_count = None
            cell.outputs = [
                v4.new_output("display_data", data={"image/png": data["image/png"]})
                for data in shown
                if "image/png" in data
            ]
    made.metadata = METADATA
    return nbformat.writes(made) + "\n"


def notebook(title: str) -> str:
    """A notebook before it runs: the same at every call."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("notebook.md.jinja")
    engine = FRAMEWORKS[title]
    page = template.render(
        title=title, package=engine.package, extra=",".join(engine.modules), address=address()
    )
    cells = list(cut(page, title))
    for number, cell in enumerate(cells, start=1):
        cell.id = f"cell-{number:02}"  # by default it is random
    made = v4.new_notebook(cells=cells, metadata=METADATA, nbformat_minor=5)
    return nbformat.writes(made) + "\n"


def address() -> str:
    """Where others get this project from: a URL in pyproject.toml, or "" while there is none."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project.get("urls", {}).get("Repository", ""))


def cut(page: str, title: str) -> Iterator[NotebookNode]:
    """The cells of a page."""
    known: set[str] = set()  # to the cells so far
    end = 0
    for block in [*CODE_BLOCK.finditer(page), None]:
        if text := page[end : block.start() if block else None].strip():
            yield v4.new_markdown_cell(text)
        if block:
            end = block.end()
            language, symbols, code = block.groups()
            if language != "python":
                code = excerpt(title, language, set(symbols.split()), known)
            if code := code.strip():
                known |= names_bound(code)
                yield v4.new_code_cell(code)


def excerpt(title: str, file: str, symbols: set[str], known: set[str]) -> str:
    """The lines of `symbols` in one of a framework's files, below the imports they need beside `known`.

    Raises:
        LookupError: no framework has one of the `symbols`.
    """
    sources = {
        one: (REPOSITORY / engine.package / file).read_text(encoding="utf-8")
        for one, engine in FRAMEWORKS.items()
    }
    if strangers := symbols.difference(*map(ranges, sources.values())):
        raise LookupError(f"{', '.join(sorted(strangers))}: in no framework's {file}")
    source = sources[title]
    lines = source.splitlines()
    kept = {number for name, span in ranges(source).items() if name in symbols for number in span}
    # Blank lines stay where they are; those around what is left out close up.
    code = "\n".join(line for number, line in enumerate(lines) if number in kept or not line)
    code = re.sub(r"\n{4,}", "\n\n\n", code).strip("\n")
    needed = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    gap = "\n\n\n" if code.startswith(("def ", "class ", "@")) else "\n\n"
    return f"{imports(source, needed - known)}{gap}{code}" if code else ""


def ranges(source: str) -> dict[str, Iterable[int]]:
    """Symbol -> the numbers of its lines, from 0. A method brings the head of its class."""
    found: dict[str, Iterable[int]] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, Definition):
            continue
        for name in names_bound(ast.unparse(node)):
            found[name] = span(node)
        if isinstance(node, ast.ClassDef):
            methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
            for method in methods:
                head = range(first_line(node), first_line(methods[0]))
                found[f"{node.name}.{method.name}"] = [*head, *span(method)]
    return found


def span(node: Definition) -> range:
    """The numbers of a definition's lines, decorators included."""
    begin = node.lineno - 1 if isinstance(node, ast.Assign) else first_line(node)
    return range(begin, node.end_lineno or begin)


def imports(source: str, needed: set[str]) -> str:
    """Those imports of a file that bind the names `needed`, in groups as they are there."""
    text, end = "", 0
    for node in ast.parse(source).body:
        if not isinstance(node, Import):
            continue
        if node.lineno > end + 1:
            text += "\n"
        end = node.end_lineno or node.lineno
        node.names = [name for name in node.names if bound(name) in needed]
        if node.names:
            text += ast.unparse(node) + "\n"
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def names_bound(code: str) -> set[str]:
    """What later cells can use of a cell, or of any code: definitions, assignments, imports, not inside."""
    names: set[str] = set()
    for node in ast.parse(re.sub(r"^( *)%.*", r"\1pass", code, flags=re.MULTILINE)).body:  # IPython's %pip
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, Import):
            names |= {bound(name) for name in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def bound(name: ast.alias) -> str:
    """What an import calls it: `np`, or `torch` for `torch.optim`."""
    return name.asname or name.name.partition(".")[0]


def main() -> None:
    """Make those notebooks again whose cells have changed.

    Raises:
        GanError: MNIST cannot be had, from which they learn.
    """
    mnist.load_published(mnist.PUBLISHED["mnist"], mnist.default_data_dir())
    for title in FRAMEWORKS:
        source = notebook(title)
        if source != without_outputs(path(title)):
            with TemporaryDirectory() as folder:
                path(title).write_text(with_pictures(run(source, Path(folder))), encoding="utf-8")
            print(path(title).relative_to(REPOSITORY))


if __name__ == "__main__":
    argparse.ArgumentParser(
        prog="python -m docs.notebooks", description="Make the notebooks again whose cells have changed."
    ).parse_args()
    main()
