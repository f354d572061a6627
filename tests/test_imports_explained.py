"""The wrong Python, and names that hide others: a sentence, no traceback."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from common.data.mnist import REPOSITORY
from tests.conftest import Outcome, require


def run(folder: Path, *arguments: str, python: Path = Path(sys.executable)) -> Outcome:
    """Call Python in `folder`, with this project on its path."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [str(python), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has no packages."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@pytest.mark.parametrize(
    ("module", "missing", "target"),
    [
        ("pytorch_gan", "numpy", "train-torch"),
        ("tensorflow_gan", "numpy", "train-tf"),
        ("keras_gan", "numpy", "train-keras"),
        ("common.compare", "", "compare"),
        ("common.tensorboard", "numpy", "tensorboard"),
        ("common.quality", "numpy", "train-torch"),
        ("benchmarks", "", "bench"),
    ],
)
def test_outside_the_environment_the_command_that_makes_one_is_named(
    bare_python: Path, tmp_path: Path, module: str, missing: str, target: str
) -> None:
    outcome = run(tmp_path, "-m", module, python=bare_python)
    outcome.assert_fails(1, f"{missing} is not installed for {bare_python}", f"`make {target}` installs")


def test_an_older_python_is_told(tmp_path: Path) -> None:
    outcome = run(tmp_path, "-c", "import sys; sys.version_info = (3, 10, 4); import common")
    outcome.assert_fails(1, "Python 3.11 or newer")


@pytest.mark.parametrize(
    ("module", "name", "content"),
    [
        ("pytorch_gan train --dataset digits --steps 1", "torch.py", "print('mine')"),
        ("pytorch_gan train --dataset digits --steps 1", "torch.py", "from nowhere import Tensor, nn"),
        ("pytorch_gan train --help", "numpy/__init__.py", ""),
        ("common.compare", "random.py", ""),
    ],
)
def test_a_name_that_hides_another_is_named(tmp_path: Path, module: str, name: str, content: str) -> None:
    require("torch")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)
    outcome = run(tmp_path, "-m", *module.split())
    top = name.split("/")[0]
    outcome.assert_fails(1, f"{tmp_path / top} hides the real {top.removesuffix('.py')};")
    assert {path.name for path in tmp_path.iterdir()} <= {top, "__pycache__"}


def test_other_errors_of_programs_keep_their_traceback(tmp_path: Path) -> None:
    """A mistake in this project is not to be hidden."""
    outcome = run(tmp_path, "-c", "import common; common.nowhere")
    assert outcome.status == 1 and "Traceback" in outcome.err and "AttributeError" in outcome.err


@pytest.mark.parametrize("mistake", ["''.nope", "import not_there", "from helper import nothing"])
def test_scripts_of_others_keep_their_tracebacks(tmp_path: Path, mistake: str) -> None:
    """Which import this project, and modules of their own."""
    (tmp_path / "helper.py").write_text("")
    (tmp_path / "my.py").write_text(f"import helper, common\n{mistake}\n")
    for program in (("my.py",), ("-m", "my")):
        outcome = run(tmp_path, *program)
        assert outcome.status == 1 and "Traceback" in outcome.err
        assert not outcome.err.splitlines()[-1].startswith("error: ")
