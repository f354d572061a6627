"""Setting up: what the Makefile does where it goes wrong, and what an installed package is found before."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from common.data.mnist import REPOSITORY
from tests.conftest import not_on_windows

# Makes environments with a Python like itself, and in the file CALLS a line for each call of that.
STAND_IN = f"""\
#!/bin/sh
case "$1 $2" in
    "-c "*) exec '{sys.executable}' -c "import sys; sys.version_info = ($VERSION, 0); $2" ;;
    "-m venv") mkdir -p "$3/bin"; [ -z "$NO_ENSUREPIP" ] || exit 1; cp "$0" "$3/bin/python" ;;
    *) echo "$@" >> "$CALLS" ;;
esac
"""


class Project(NamedTuple):
    """A folder with nothing but what the Makefile needs to set up."""

    folder: Path

    def make(self, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `make` from another folder."""
        variables = {"PATH": os.environ["PATH"], "VERSION": "3, 11", "CALLS": str(self.folder / "calls")}
        command = ["make", "-C", str(self.folder), "PYTHON=./stand-in", *line.split()]
        return subprocess.run(
            command, env=variables | environment, capture_output=True, text=True, check=False
        )

    def calls(self) -> list[str]:
        """What the environment's Python was called for since the last time."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [line for line in lines if line != "-I -c import pip"]


INSTALLED = "-I -m pip install --constraint constraints.txt --editable .[torch]"
TRAINED = "-m pytorch_gan train"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / 'it\'s a "project"'
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, folder)
    (folder / "stand-in").write_text(STAND_IN)
    (folder / "stand-in").chmod(0o755)
    return Project(folder)


@not_on_windows
def test_what_is_missing_is_set_up_once(project: Project) -> None:
    assert project.make("train-torch").returncode == 0
    assert project.calls() == [INSTALLED, TRAINED]
    assert project.make("-j 4 train-torch").returncode == 0
    assert project.calls() == [TRAINED]


@not_on_windows
def test_the_fast_check_says_that_it_is_not_all(project: Project) -> None:
    done = project.make("check")
    assert done.returncode == 0 and project.calls()[-1] == "-m pytest -m not slow"
    assert done.stdout.splitlines()[-2] == "Left out: the tests marked as slow. `make test` runs all."


@not_on_windows
def test_a_project_that_was_moved_goes_on(project: Project) -> None:
    project.make("train-torch")
    project.calls()
    moved = Project(project.folder.rename(project.folder.with_name("moved")))
    assert moved.make("train-torch").returncode == 0
    assert moved.calls() == [TRAINED]


def test_programs_that_know_an_old_path_are_not_called() -> None:
    """Those that pip writes begin with the path of the environment's Python."""
    pages = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]
    for path in (REPOSITORY / "Makefile", *pages):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"(?:\.venv|\$\(VENV\))/bin/(?!python\b).*", text) == [], path


@not_on_windows
@pytest.mark.parametrize("version", ["2, 7", "3, 10", "3, 14"])
def test_a_python_that_frameworks_do_not_know_is_refused_at_once(project: Project, version: str) -> None:
    done = project.make("train-torch", VERSION=version)
    assert done.returncode == 2 and "error: Python 3.11, 3.12 or 3.13 is needed" in done.stderr
    assert not (project.folder / ".venv").exists()


@not_on_windows
def test_half_an_environment_does_not_pass_for_a_whole_one(project: Project) -> None:
    assert project.make("train-torch", NO_ENSUREPIP="1").returncode == 2
    assert project.make("train-torch").returncode == 0
    assert project.calls() == [INSTALLED, TRAINED]
    shutil.rmtree(project.folder / ".venv" / "bin")  # and the rest was not
    (project.folder / ".venv" / "created").unlink()
    assert project.make("train-torch").returncode == 0
    assert project.calls() == [INSTALLED, TRAINED]


@not_on_windows
def test_an_environment_without_its_python_is_named(project: Project) -> None:
    project.make("train-torch")
    python = project.folder / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("removed")
    done = project.make("train-torch")
    assert done.returncode == 2 and "error: .venv does not work" in done.stderr
    assert project.make("clean").returncode == 0 and not list(project.folder.glob(".venv*"))
    assert project.make("train-torch").returncode == 0


def test_an_installed_package_goes_before_a_folder_of_its_name(tmp_path: Path) -> None:
    """Such as data or notes in a folder called `common`, where the command is typed."""
    build = f"from setuptools import build_meta; build_meta.build_editable({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "site-packages"
    zipfile.ZipFile(wheel).extractall(installed)
    here = tmp_path / "here"
    (here / "common").mkdir(parents=True)
    find = f"import site; site.addsitedir({str(installed)!r}); import common; print(common.__file__)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-S", "-c", find]
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(REPOSITORY / "common" / "__init__.py")
