"""A sentence where Python finds no module, or another one than is meant. Imports nothing but Python's own."""

import sys
from pathlib import Path
from traceback import walk_tb
from types import TracebackType

REPOSITORY = Path(__file__).parent.parent
TARGETS = {  # what is run -> what of the Makefile installs all that it needs
    "pytorch_gan": "train-torch",
    "tensorflow_gan": "train-tf",
    "keras_gan": "train-keras",
    "common.compare": "compare",
    "common.results": "compare",
    "common.tensorboard": "tensorboard",
    "benchmarks": "bench",
}


def explain(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """What `sys.excepthook` does, but for imports that fail."""
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if isinstance(error, ImportError | AttributeError) and (other := shadow(error)):
        print(f"error: {other}.", file=sys.stderr)
    elif missing and missing not in own_packages():
        print(
            f"error: {missing} is not installed for {sys.executable}; `make {target()}` installs it for the "
            "Python in .venv, so run that one.",
            file=sys.stderr,
        )
    else:
        sys.__excepthook__(kind, error, traceback)


def own_packages() -> set[str]:
    """The packages of this repository."""
    return {path.parent.name for path in REPOSITORY.glob("*/__init__.py")}


def shadow(error: BaseException) -> str:
    """Which module comes from the folder Python was started in, though it is none of this project's.

    Args:
        error: what came of it; one that fails itself is not loaded, but stands in the traceback.
    """
    started_in = Path(sys.path[0]).resolve()
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    for frame, _ in walk_tb(error.__traceback__):
        files[frame.f_globals.get("__name__", "")] = frame.f_globals.get("__file__")
    for name, file in files.items():
        path = Path(file or "nowhere")
        place = path.parent if path.name == "__init__.py" else path
        if place.parent == started_in and "." not in name and name not in {*own_packages(), "__main__"}:
            return f"{place} hides the {name} that is meant; rename it, or work in another folder"
    return ""


def target() -> str:
    """Which target of the Makefile is for the program that runs."""
    spec = sys.modules["__main__"].__spec__
    name = spec.name if spec else ""
    return TARGETS.get(name) or TARGETS.get(name.partition(".")[0], "train-torch")
