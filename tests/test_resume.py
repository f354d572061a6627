"""A run that was interrupted or killed ends exactly as one that never was."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from common import checkpoint
from common.data.mnist import REPOSITORY
from common.engines import ENGINES
from common.runs.run import Run
from tests.conftest import require_framework
from tests.frameworks import Player

pytestmark = pytest.mark.slow

# Batches that straddle epochs, dropout, and neither pictures nor checkpoints at the end of an epoch.
LINE = "train --dataset digits --train-limit 500 --batch-size 48 --noise-dim 16 --steps 120 --device cpu"
LINE += " --ema-decay 0.9 --sample-every 20 --checkpoint-every 12"


def start(folder: Path, line: str, framework: str = "PyTorch") -> subprocess.Popen[str]:
    require_framework(framework)
    engine = ENGINES[framework]
    command = [sys.executable, "-m", engine.package, *line.split(), "--run", str(folder)]
    environment = os.environ | {"KERAS_BACKEND": engine.keras_backend}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def carry_out_next_command(out: str, folder: Path = REPOSITORY) -> str:
    """Type what the output `out` names, in a shell, in `folder`."""
    line = out.splitlines()[-1]
    assert line.startswith("Next  ")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    typed = subprocess.Popen(
        ["bash", "-c", line.removeprefix("Next  ")],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return finish(typed)


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
    """Bit for bit: losses, weights, moments, averages, pictures."""
    config = Run.open(uninterrupted).config
    last = f"checkpoints/{config.steps:08}.safetensors"
    states = [checkpoint.load(run / last) for run in (folder, uninterrupted)]
    for name, array in states[0].arrays.items():
        assert array.tobytes() == states[1].arrays[name].tobytes(), name
    for name in ("losses.csv", "samples.gif"):
        assert (folder / name).read_bytes() == (uninterrupted / name).read_bytes(), name
    for path in (uninterrupted / "samples").iterdir():
        assert (folder / "samples" / path.name).read_bytes() == path.read_bytes(), path
    kept = sorted(path.name for path in (folder / "checkpoints").iterdir())
    before = config.steps - config.checkpoint_every
    assert kept == [f"{iteration:08}.safetensors" for iteration in (before, config.steps)]


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
    if number == signal.SIGINT:  # once is enough
        carry_out_next_command(out)
        assert_same_run(folder, uninterrupted)


def test_what_is_printed_as_the_next_command_works_from_a_folder_with_spaces(
    mnist_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MNIST of another folder, Python of an environment that lies below this one: stop, go on, generate."""
    monkeypatch.delenv("GAN_DATA_DIR", raising=False)
    (tmp_path / "my env").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (tmp_path / "my env" / name).symlink_to(Path(sys.prefix) / name)
    (tmp_path / "its data").symlink_to(mnist_dir)
    long = LINE.replace("digits", "mnist").replace("--steps 120", "--steps 600")
    line = [*long.split(), "--data-dir", "its data", "--run", "a run"]
    process = subprocess.Popen(
        [str(tmp_path / "my env" / "bin" / "python"), "-m", "pytorch_gan", *line],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(process, tmp_path / "a run", 24)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert "'my env/bin/python' -m pytorch_gan train --resume --run 'a run' --device cpu --data-dir " in out
    out = carry_out_next_command(out, tmp_path)
    assert "Trained 600 iterations on MNIST" in out
    assert "Wrote digits.png" in carry_out_next_command(out, tmp_path)
    assert (tmp_path / "digits.png").exists()


def test_an_interrupted_run_is_saved_though_nobody_reads_what_it_says(tmp_path: Path) -> None:
    """As in `train 2>&1 | tee log`: Ctrl-C ends tee too, and before."""
    folder = tmp_path / "interrupted"
    process = start(folder, LINE.replace("steps 120", "steps 9000").replace("every 12", "every 9000"))
    assert process.stdout is not None and process.stderr is not None
    process.stderr.read(1)  # of the progress bar: it trains
    process.stdout.close()
    process.stderr.close()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert len(list((folder / "checkpoints").iterdir())) == 1


def test_a_run_can_be_made_longer(uninterrupted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "longer"
    finish(start(folder, LINE.replace("--steps 120", "--steps 60")))
    finish(start(folder, "train --resume --steps 120 --device cpu"))
    shorter_end = folder / "samples" / "00000060.png"
    assert shorter_end.exists()
    assert_same_run(folder, uninterrupted)


@pytest.mark.parametrize("framework", list(ENGINES)[1:])
def test_the_same_in_the_other_frameworks(
    players: Callable[[str, str], Player], framework: str, tmp_path: Path
) -> None:
    """Killed, gone on with, interrupted, gone on with: the end is that of a run without a break."""
    whole, broken, elsewhere = tmp_path / "whole", tmp_path / "broken", tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert players(framework, "float32").command(f"{LINE} --run {whole}")[0] == 0
    process = start(broken, LINE, framework)
    wait_until(process, broken, 36)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    process = start(broken, f"train --resume --device cpu --data-dir {elsewhere}", framework)
    wait_until(process, broken, 72)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT, err
    assert "Traceback" not in err and f"--data-dir {elsewhere}" in out
    carry_out_next_command(out)
    assert len(Run.open(broken).record["sessions"]) == 3
    assert_same_run(broken, whole)
