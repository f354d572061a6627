"""A sentence where Python finds no module, or another one than is meant. Needs no package."""

import sys
from pathlib import Path
from traceback import walk_tb
from types import TracebackType

from common.engines import ENGINES

REPOSITORY = Path(__file__).parents[2]
TARGETS = {  # what is run -> what of the Makefile installs all that it needs
    **{engine.package: f"train-{engine.short_name}" for engine in ENGINES.values()},
    "common.compare": "compare",
    "common.results": "compare",
    "common.tensorboard": "tensorboard",
    "benchmarks": "bench",
    "docs": "docs-figures",
}


def explain(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """What `sys.excepthook` does, but for imports of this project's programs that fail."""
    target = target_of(program())
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if target and isinstance(error, ImportError | AttributeError) and (other := shadow(error)):
        print(f"error: {other}.", file=sys.stderr)
    elif target and missing and missing not in own_packages():
        print(
            f"error: {missing} is not installed for {sys.executable}; `make {target}` installs it in .venv: "
            "then call .venv/bin/python instead.",
            file=sys.stderr,
        )
    else:
        sys.__excepthook__(kind, error, traceback)


def own_packages() -> set[str]:
    """The packages of this repository."""
    return {path.parent.name for path in REPOSITORY.glob("*/__init__.py")}


def shadow(error: BaseException) -> str:
    """Which file in the folder Python was started in hides one of Python's modules, or an installed one.

    Args:
        error: what came of it; a module that fails itself is not loaded, but stands in the traceback.
    """
    started_in = Path(sys.path[0]).resolve()
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    for frame, _ in walk_tb(error.__traceback__):
        files[frame.f_globals.get("__name__", "")] = frame.f_globals.get("__file__")
    for name, file in files.items():
        path = Path(file or "nowhere")
        place = path.parent if path.name == "__init__.py" else path
        if place.parent == started_in and name not in own_packages() and is_elsewhere(name):
            return f"{place} hides the real {name}; rename it, or work in another folder"
    return ""


def is_elsewhere(name: str) -> bool:
    """Whether Python would find this module too if it were not started in that folder."""
    return any(Path(entry, form).exists() for entry in sys.path[1:] for form in (name, f"{name}.py"))


def program() -> str:
    """What runs as `python -m`, such as pytorch_gan or common.compare; nothing of a script."""
    spec = sys.modules["__main__"].__spec__
    return spec.name.removesuffix(".__main__") if spec else ""


def target_of(name: str) -> str:
    """Which target of the Makefile installs what the program `name` needs; nothing of a foreign one."""
    package = name.partition(".")[0]
    return TARGETS.get(name) or TARGETS.get(package) or ("train-torch" if package == "common" else "")
