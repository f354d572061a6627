"""The arrows run one way: tests and benchmarks -> framework folders -> common."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent


def test_folders_import_only_what_they_may() -> None:
    """The contracts are in pyproject.toml, under tool.importlinter."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_module_of_common_loads_a_framework() -> None:
    """Not by a detour either."""
    paths = (path.relative_to(REPOSITORY) for path in (REPOSITORY / "common").rglob("[a-z]*.py"))
    modules = [".".join(path.with_suffix("").parts) for path in paths]
    assert "common.command_line.main" in modules
    frameworks = {"torch", "tensorflow", "keras", "jax"}
    code = f"import sys, {', '.join(modules)}; print({frameworks} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
