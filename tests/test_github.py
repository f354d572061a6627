"""What GitHub reads, which says what is wrong with it only after a push."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from common.data.mnist import REPOSITORY
from tests.conftest import skip_or_fail

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
CITATION = REPOSITORY / "CITATION.cff"
SCHEMAS = {CITATION: "citation-file-format"} | dict.fromkeys(WORKFLOWS, "github-workflows")


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_file_has_the_form_that_github_knows(path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{SCHEMAS[path]}"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_say_what_they_do() -> None:
    """What a schema does not know: names of steps, types of expressions, options of actions."""
    program = shutil.which("actionlint")
    if program is None:
        skip_or_fail("actionlint", "there is no actionlint on the path")
    done = subprocess.run([program, *WORKFLOWS], capture_output=True, text=True, check=False)
    assert WORKFLOWS and done.returncode == 0, done.stdout + done.stderr


def test_the_version_to_cite_is_this_one() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = CITATION.read_text(encoding="utf-8").splitlines()
    assert {f"version: {project['version']}", f"license: {project['license']}"} <= {*lines}
