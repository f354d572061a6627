"""A run that was interrupted or killed ends exactly as one that never was."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from common import checkpoint
from common.run import Run
from tests.conftest import require

require("torch")

# Batches that straddle epochs, dropout, and neither pictures nor checkpoints at the end of an epoch.
LINE = "train --dataset digits --train-limit 500 --batch-size 48 --noise-dim 16 --steps 120 --device cpu"
LINE += " --sample-every 20 --checkpoint-every 12"


def start(folder: Path, line: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pytorch_gan", *line.split(), "--run", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def iterations_done(folder: Path) -> int:
    """As far as the record of the run says."""
    try:
        sessions = json.loads((folder / "run.json").read_text())["sessions"]
    except OSError:
        return -1
    return sessions[-1]["to_iteration"] if sessions else -1


def wait_until(process: subprocess.Popen[str], folder: Path, iteration: int) -> None:
    deadline = time.monotonic() + 60
    while iterations_done(folder) < iteration:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)


def assert_same_run(folder: Path, uninterrupted: Path) -> None:
    """Bit for bit: losses, weights, moments, pictures."""
    last = "checkpoints/00000120.safetensors"
    states = [checkpoint.load(run / last) for run in (folder, uninterrupted)]
    for name, array in states[0].arrays.items():
        assert array.tobytes() == states[1].arrays[name].tobytes(), name
    for name in ("losses.csv", "samples.gif"):
        assert (folder / name).read_bytes() == (uninterrupted / name).read_bytes(), name
    for path in (uninterrupted / "samples").iterdir():
        assert (folder / "samples" / path.name).read_bytes() == path.read_bytes(), path
    kept = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert kept == ["00000108.safetensors", "00000120.safetensors"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("module") / "uninterrupted"
    finish(start(folder, LINE))
    return folder


def test_a_run_killed_at_arbitrary_iterations_ends_the_same(uninterrupted: Path, tmp_path: Path) -> None:
    folder, moments = tmp_path / "killed", random.Random()
    process = start(folder, LINE)
    kills = [0, 12, 48, 72]  # the first before there is a checkpoint
    for iteration in kills:
        wait_until(process, folder, iteration)
        time.sleep(moments.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        process = start(folder, "train --resume --device cpu")
    finish(process)
    assert len(Run.open(folder).record["sessions"]) == 1 + len(kills)
    assert_same_run(folder, uninterrupted)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_saved_and_says_how_to_go_on(
    uninterrupted: Path, tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "interrupted"
    process = start(folder, LINE)
    wait_until(process, folder, 24)
    time.sleep(0.1)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    done = iterations_done(folder)
    assert (
        24 < done < 120
        and f"Stopped after {done} of 120 iterations on scikit-learn digits; the state is saved" in out
    )
    assert (folder / "losses.png").exists()
    next_command = out.splitlines()[-1].partition(" -m pytorch_gan ")[2]
    assert next_command == f"train --resume --run {folder}"
    if number == signal.SIGINT:  # once is enough
        finish(start(folder, next_command.removesuffix(f" --run {folder}")))
        assert_same_run(folder, uninterrupted)


def test_a_run_can_be_made_longer(uninterrupted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "longer"
    finish(start(folder, LINE.replace("--steps 120", "--steps 60")))
    finish(start(folder, "train --resume --steps 120 --device cpu"))
    shorter_end = folder / "samples" / "00000060.png"
    assert shorter_end.exists()
    assert_same_run(folder, uninterrupted)
