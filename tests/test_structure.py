"""The three framework folders define the same names in the same order, so that they can be read side by side.

What not all of them need stands in `ALONE`; where it is defined, the reason stands beside it.
"""

import ast
import re
from pathlib import Path

import pytest

from common.engines import FRAMEWORKS, KERAS_BACKENDS

REPOSITORY = Path(__file__).parent.parent
# What the files of `keras_gan/distribution/` do without:
NOT_NEEDED = {
    "jax.py": {
        "means_over_devices",
        "average_gradients",
        "on_all_devices",
        "SynchronisedNorm",
    },  # XLA does so
    "tensorflow.py": {"TO_MEET", "sure_of_the_others"},  # there is one process
}
ALONE = {
    "pytorch_gan": {
        "NAMES",
        "NORM_NAMES",
        "AXES",
        "compute",
        "devices",
        "to_tensor",
        "moving_average",
        "STARTED_BY",
        "MeanOverDevices",
        "mean_over_devices",
        "launch",
    },
    "tensorflow_gan": {
        "compute",
        "devices",
        "DTYPE",
        "uniform",
        "Dense",
        "Convolution",
        "TransposedConvolution",
        "BatchNormalisation",
        "Adam",
        "MovingAverage",
        "trained_weights",
        "moving_average",
        "meet",
        "sum_with_others",
        "the_same_on_each",
    },
    "keras_gan": {
        "BACKEND",
        "TransposedConvolution",
        "BatchNormalisation",
        "Adam",
        "both",
        "Batches",
        "two_integers",
        "Recording",
        "meet",
        "Rows",
        "Share",
    },
}
FOLDERS = [engine.package for engine in FRAMEWORKS.values()]
FILES = (
    "__main__.py",
    "conditional.py",
    "convolutional.py",
    "device.py",
    "distribution.py",
    "exchange.py",
    "layers.py",
    "least_squares.py",
    "networks.py",
    "optimisers.py",
    "training.py",
    "variants.py",
    "wasserstein.py",
)
SHARED = "keras_gan.backends.shared"
CALLED = {"forward", "__call__", "call"}  # what PyTorch, TensorFlow and Keras call a network's own function


def names_defined(path: Path) -> list[str]:
    """Classes, methods, functions and constants in their order."""
    names: list[str] = []

    def visit(nodes: list[ast.stmt], prefix: str) -> None:
        for node in nodes:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name != "__init__":
                names.append(prefix + ("called" if node.name in CALLED else node.name))
                if isinstance(node, ast.ClassDef):
                    visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.Assign):
                names.extend(prefix + target.id for target in node.targets if isinstance(target, ast.Name))

    visit(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return names


def paths(folder: str, file: str) -> list[Path]:
    """The file, or where a folder stands in its place the files there: Keras' `distribution/`."""
    inside = (REPOSITORY / folder / Path(file).stem).glob("[a-z]*.py")
    return sorted(inside) or [REPOSITORY / folder / file]


def names_to_compare(folder: str, path: Path) -> list[str]:
    """`names_defined`, but for those that this folder has alone."""
    return [name for name in names_defined(path) if name.partition(".")[0] not in ALONE[folder]]


def numbered_comments(path: Path) -> list[str]:
    """The first sentences of the comments that begin with a number."""
    text = re.sub(r"\n\s+# {3,}", " ", path.read_text(encoding="utf-8"))
    return re.findall(r"# (\d\. [^.]+\.)", text)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_folders_hold_the_same_files(folder: str) -> None:
    expected = {path for file in FILES for path in paths(folder, file) if path.parent.name == folder}
    assert {*(REPOSITORY / folder).glob("*.py")} == expected | {REPOSITORY / folder / "__init__.py"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_a_folder_has_alone_is_there(folder: str) -> None:
    names = {name for file in FILES for path in paths(folder, file) for name in names_defined(path)}
    assert not ALONE[folder] - names


def test_keras_backends_have_the_same_names_in_the_same_order() -> None:
    """Each defines them, or takes them from shared.py."""
    paths = [REPOSITORY / "keras_gan" / "backends" / f"{name}.py" for name in KERAS_BACKENDS]
    defined = [[name for name in names_defined(path) if name != "__all__"] for path in paths]
    for path, names in zip(paths, defined, strict=True):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        shared = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == SHARED]
        offered = {*names, *(alias.name for node in shared for alias in node.names)}
        for other in defined:
            assert not {*other} - offered, path
            assert [name for name in other if name in names] == [name for name in names if name in other]


@pytest.mark.parametrize("folder", FOLDERS[1:])
@pytest.mark.parametrize("file", FILES)
def test_the_files_define_the_same_names_in_the_same_order(file: str, folder: str) -> None:
    for path in paths(folder, file):
        not_needed = NOT_NEEDED[path.name] if path.parent.name == "distribution" else set()
        names = names_to_compare(FOLDERS[0], REPOSITORY / FOLDERS[0] / file)
        first = [name for name in names if name.partition(".")[0] not in not_needed]
        other, where = names_to_compare(folder, path), path.relative_to(REPOSITORY)
        assert first
        for number, (expected, found) in enumerate(zip(first, other, strict=False)):
            assert expected == found, f"{where} parts from {FOLDERS[0]} at its name {number}: {found}"
        assert len(first) == len(other), f"more in one of them: {first[len(other) :] or other[len(first) :]}"


@pytest.mark.parametrize(("file", "numbers"), [("training.py", "123456"), ("wasserstein.py", "1234")])
def test_the_training_steps_have_the_same_numbered_comments(file: str, numbers: str) -> None:
    first, *others = (numbered_comments(REPOSITORY / folder / file) for folder in FOLDERS)
    assert [comment[0] for comment in first] == list(numbers)
    for other in others:
        assert other == first
