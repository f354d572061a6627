"""What is printed never ends the work: closed streams, readers that are gone, any encoding."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.data.mnist import REPOSITORY
from tests.conftest import SMALL, not_on_windows, require

KEPT_RUN = REPOSITORY / "docs" / "results" / "frameworks" / "pytorch-seed0"


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp932", "cp1251", "ascii", "latin-1:strict"])
def test_a_report_is_made_whatever_the_terminal_can_show(encoding: str, tmp_path: Path) -> None:
    require("tabulate")
    done = subprocess.run(
        [sys.executable, "-m", "common.compare", "--runs", str(KEPT_RUN)],
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(REPOSITORY)},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    assert b"PyTorch" in done.stdout and done.stdout.strip().endswith(b"in a browser")
    assert list(tmp_path.glob("runs/compare/*/report.html"))


@pytest.mark.slow
@not_on_windows
@pytest.mark.parametrize("redirection", ["2>&1 | true", ">&- 2>&-", "| true", "2> /dev/full"])
def test_a_training_ends_as_it_should_though_nobody_reads(redirection: str, tmp_path: Path) -> None:
    require("torch")
    shell = f'set -o pipefail; "$PYTHON" -m pytorch_gan {SMALL} --steps 3 --run run {redirection}'
    done = subprocess.run(
        ["bash", "-c", shell],
        env=os.environ | {"PYTHON": sys.executable, "PYTHONPATH": str(REPOSITORY)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
    assert (tmp_path / "run" / "losses.png").exists() and (tmp_path / "run" / "samples.gif").exists()
    assert {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()} == {"00000003.safetensors"}


@pytest.mark.slow
@not_on_windows
def test_a_full_disk_is_not_taken_for_a_reader_who_left(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "common.compare", "--runs", str(KEPT_RUN)],
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: No space left on device")
    assert "Traceback" not in done.stderr
