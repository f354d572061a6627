"""Run folders: which is the newest, what the end of a run is made from, what a failed one leaves."""

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import filelock
import numpy as np
import pytest
from PIL import Image

from common.data.mnist import REPOSITORY
from common.errors import GanError, UsageError
from common.runs.recorder import STOP_SIGNALS, Recorder
from common.runs.run import Run, iterations_per_second, newest_in, newest_run, run_path
from tests.conftest import SMALL, Command, as_process, copy_of, files_below, ordinary_user, require

require("torch")

NAMES = ("2026-01-02_03-04-05", "2026-01-02_03-04-05_2", "2026-01-02_03-04-05_10")


def make_runs(parent: Path, *names: str) -> None:
    for name in names:
        (parent / name).mkdir(parents=True)
        (parent / name / "run.json").write_text("{}")


# The newest run ------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [NAMES, NAMES[::-1]])
def test_the_newest_run_is_known_by_its_name(tmp_path: Path, names: tuple[str, ...]) -> None:
    make_runs(tmp_path, *names, "2025-12-31_23-59-59", "mine", "zzz")
    (tmp_path / "2027-01-01_00-00-00").mkdir()  # not a run
    (tmp_path / "2027-01-01_00-00-01").write_text("not a folder")
    assert newest_in(tmp_path) == tmp_path / NAMES[2]
    assert newest_in(tmp_path / "mine") is None and newest_in(tmp_path / "nowhere") is None


def test_latest_is_the_newest_run_whatever_a_link_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_runs(Path("runs/torch"), *NAMES)
    newest, latest = Path("runs/torch", NAMES[2]), Path("runs/torch/latest")
    assert run_path("runs/torch/latest") == newest  # no link: Windows, network drives
    latest.symlink_to(NAMES[0])
    assert run_path("runs/torch/latest") == newest == run_path("runs/torch/latest/")
    latest.unlink()
    make_runs(Path("runs/torch"), "latest")  # a copy with its links resolved
    assert run_path("runs/torch/latest") == newest == newest_run("torch")
    assert run_path("runs/torch/other") == Path("runs/torch/other")

    make_runs(Path("runs/tf"), "latest")  # copied alone
    assert newest_run("tf") == Path("runs/tf/latest") == run_path("runs/tf/latest")


def test_where_there_is_no_run_the_newest_elsewhere_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_runs(Path("runs/torch"), NAMES[1])
    make_runs(Path("runs/keras"), NAMES[0])
    with pytest.raises(UsageError, match=rf"no run in runs/tf yet, the newest .* runs/torch/{NAMES[1]};"):
        newest_run("tf")


@pytest.mark.slow
def test_generate_and_resume_take_the_newest_run_of_a_copy(command: Command) -> None:
    for steps in (1, 2):
        assert command(f"{SMALL} --steps {steps}").status == 0
    shutil.copytree("runs", "elsewhere/runs")  # which resolves links
    os.chdir("elsewhere")
    assert command(f"{SMALL} --steps 3").status == 0
    for run in ("", " --run runs/torch/latest"):
        assert "3 iterations" in command(f"generate{run}").out
    assert command("train --resume --steps 4").status == 0
    assert Run.open(newest_run("torch")).iterations_saved == 4


def test_the_first_iteration_is_left_out_of_the_pace() -> None:
    """Frameworks compile in it. Older records do not tell it apart."""
    older = {"from_iteration": 0, "to_iteration": 30, "seconds": 3.0}
    newer = {"from_iteration": 30, "to_iteration": 51, "seconds": 7.0, "first_iteration_seconds": 5.0}
    killed = {"from_iteration": 51, "to_iteration": 51, "seconds": 0.0, "first_iteration_seconds": 2.0}
    single = {"from_iteration": 51, "to_iteration": 52, "seconds": 4.0, "first_iteration_seconds": 4.0}
    for sessions, pace in (([older], 10), ([newer], 10), ([older, newer, killed], 10), ([single], 0.25)):
        assert iterations_per_second(sessions) == pytest.approx(pace)
    assert iterations_per_second([killed]) == 0


def test_a_session_keeps_what_its_first_iteration_took(small_run: Path) -> None:
    (session,) = Run.open(small_run).record["sessions"]
    assert 0 < session["first_iteration_seconds"] < session["seconds"]


# The end of a run, made again ----------------------------------------------------------------------


def test_a_finished_run_makes_its_end_again(command: Command, small_run: Path) -> None:
    copy = copy_of(small_run)
    before = files_below(copy)
    for name in ("samples.gif", "losses.png"):
        (copy / name).unlink()
    outcome = command(f"train --resume --run {copy}")
    assert outcome.status == 0, outcome
    assert "has done 25 iterations already" in outcome.out and "--steps" in outcome.out
    assert files_below(copy) == before
    command(f"train --resume --run {copy} --steps 20").assert_fails(2, "25 iterations already", "--steps")
    command(f"train --resume --run {copy} --dataset mnist").assert_fails(2, "cannot change --dataset digits")
    assert files_below(copy).items() >= before.items()


def test_the_command_of_a_finished_run_may_come_again(command: Command) -> None:
    """As schedulers call it, with --epochs too."""
    line = f"{SMALL} --train-limit 20 --epochs 4 --run run"
    assert command(line).status == 0
    outcome = command(f"{line} --resume")
    assert outcome.status == 0 and "has done 10 iterations already" in outcome.out


def test_what_is_kept_of_a_run_is_not_made_anew(command: Command) -> None:
    """Of a kept run there are a few pictures only, and its film is of all."""
    kept = copy_of(REPOSITORY / "docs" / "results" / "full-schedule" / "pytorch-seed2")
    before = files_below(kept)
    assert "samples.gif" in before
    command(f"train --resume --run {kept}").assert_fails(
        2, "only what generates images is kept", "train a new run"
    )
    assert files_below(kept) == before


def test_a_picture_that_cannot_be_read_is_left_out(command: Command, small_run: Path) -> None:
    copy = copy_of(small_run)
    pictures = sorted((copy / "samples").iterdir())
    content = pictures[1].read_bytes()
    pictures[0].write_bytes(content[:60])
    pictures[1].write_bytes(content.replace(b"IDAT", b"IDOT", 1))
    pictures[2].write_text("no picture")
    outcome = command(f"train --resume --run {copy}")
    assert outcome.status == 0
    for path in pictures[:3]:
        assert f"Notice: {path} is left out, it is not a picture" in outcome.err
    with Image.open(copy / "samples.gif") as film:
        assert getattr(film, "n_frames", 1) == len(pictures) - 3

    for path in pictures:
        path.write_text("no picture")
    assert command(f"train --resume --run {copy} --steps 26").status == 0
    assert Run.open(copy).iterations_saved == 26


def test_a_training_that_diverges_leaves_a_chart(
    command: Command, small_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copy_of(small_run)
    (copy / "losses.png").unlink()
    record = Recorder.record

    def diverge(self: Recorder, iteration: int, measured: dict[str, float]) -> None:
        record(self, iteration, measured | ({"g_loss": np.nan} if iteration == 27 else {}))

    monkeypatch.setattr(Recorder, "record", diverge)
    command(f"train --resume --run {copy} --steps 40").assert_fails(
        1, "at iteration 27", "state after 25 iterations is kept", f"{copy}/losses.png shows", "--lr"
    )
    assert (copy / "losses.png").exists()


def test_a_chart_is_the_same_whatever_matplotlib_is_told(small_run: Path, tmp_path: Path) -> None:
    """By a matplotlibrc and by MPLBACKEND, as a process: matplotlib reads them when it is imported."""
    copy = copy_of(small_run, str(tmp_path / "copy"))
    expected = (copy / "losses.png").read_bytes()
    (copy / "losses.png").unlink()
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nlines.linewidth: 99\nnonsense\n")
    outcome = as_process("train --resume --run copy", tmp_path, MPLBACKEND="foo")
    assert outcome.status == 0, outcome
    assert (copy / "losses.png").read_bytes() == expected


@pytest.mark.slow
def test_a_matplotlibrc_that_is_no_text_is_said_after_the_training_is_saved(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe")
    outcome = as_process(f"{SMALL} --steps 2 --run run", tmp_path)
    outcome.assert_fails(1, "matplotlib cannot read a matplotlibrc")
    assert "Notice: The training is saved; --resume makes film and chart again." in outcome.err
    (tmp_path / "matplotlibrc").unlink()
    assert as_process("train --resume --run run", tmp_path).status == 0
    assert (tmp_path / "run" / "losses.png").exists()


# Two frameworks, other circumstances ---------------------------------------------------------------


def test_the_chart_names_all_frameworks_a_run_went_through(
    command: Command, small_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copy_of(small_run)
    record = json.loads((copy / "run.json").read_text())
    record["sessions"][0]["framework"] = "TensorFlow"
    (copy / "run.json").write_text(json.dumps(record))
    titles: list[str] = []
    monkeypatch.setattr("common.runs.recorder.save_loss_chart", lambda *about: titles.append(about[2]))
    assert command(f"train --resume --run {copy} --steps 30").status == 0
    assert titles == ["TensorFlow → PyTorch · scikit-learn digits · seed 0"]


def test_a_resumed_run_says_what_is_not_as_before(command: Command, small_run: Path) -> None:
    copy = copy_of(small_run)
    assert "Notice" not in command(f"train --resume --run {copy} --steps 26 --device cpu").err
    record = json.loads((copy / "run.json").read_text())
    environment = record["sessions"][-1]["environment"]
    cores = environment["cores"]
    environment |= {"cores": "96", "cpu": "Z80", "torch": "0.1"}
    (copy / "run.json").write_text(json.dumps(record))
    outcome = command(f"train --resume --run {copy} --steps 27 --device cpu")
    notices = [line for line in outcome.err.splitlines() if line.startswith("Notice")]
    assert outcome.status == 0 and len(notices) == 1
    for words in (f"cores 96 → {cores};", "cpu Z80 → ", "torch 0.1 → ", "not bit for bit"):
        assert words in notices[0]


def test_only_what_may_change_rounding_is_said_to_have_changed(small_run: Path) -> None:
    run = Run.open(small_run)
    (session,) = run.record["sessions"]
    now = session["environment"] | {"system": "another kernel", "A_VARIABLE": "1"}
    assert run.changes("PyTorch", now) == ["A_VARIABLE unset → 1"]
    other = {name: value for name, value in now.items() if name != "torch"} | {"tensorflow": "2.21.0"}
    assert run.changes("TensorFlow", other) == ["framework PyTorch → TensorFlow", "A_VARIABLE unset → 1"]
    killed = {**session, "framework": "JAX", "from_iteration": 25, "environment": {}}
    run.record["sessions"].append(killed)  # which left nothing
    assert run.changes("PyTorch", session["environment"]) == []
    masks = {"dropout_masks": "16 bits a unit"}  # which older runs on JAX drew in another way
    assert run.changes("PyTorch", session["environment"] | masks) == ["dropout_masks unset → 16 bits a unit"]


# Signals -------------------------------------------------------------------------------------------


@pytest.fixture
def at_iteration_3(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something in the middle of the fourth iteration."""
    record = Recorder.record

    def arrange(action: Callable[[], object]) -> None:
        def act_and_record(self: Recorder, iteration: int, measured: dict[str, float]) -> None:
            if iteration == 3:
                action()
            record(self, iteration, measured)

        monkeypatch.setattr(Recorder, "record", act_and_record)

    return arrange


@pytest.mark.parametrize("name", [name for name in STOP_SIGNALS if hasattr(signal, name)])
def test_a_signal_that_ends_long_jobs_saves_first(
    command: Command, name: str, at_iteration_3: Callable[[Callable[[], object]], None]
) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    at_iteration_3(lambda: signal.raise_signal(number))
    outcome = command(f"{SMALL} --steps 9 --run run")
    assert outcome.status == 128 + number, outcome
    assert "Stopped after 4 of 9 iterations" in outcome.out and "--resume" in outcome.out
    assert Run.open(Path("run")).iterations_saved == 4
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("name", [name for name in ("SIGHUP", "SIGXCPU", "SIGTERM") if hasattr(signal, name)])
def test_a_signal_that_comes_again_does_not_kill(
    command: Command, name: str, at_iteration_3: Callable[[Callable[[], object]], None]
) -> None:
    """A shell and the kernel both tell that a terminal is closed; a limit of time is told every second."""
    number = getattr(signal, name)

    def thrice() -> None:
        for _ in range(3):
            signal.raise_signal(number)

    at_iteration_3(thrice)
    assert command(f"{SMALL} --steps 9 --run run").status == 128 + number
    assert Run.open(Path("run")).iterations_saved == 4


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_signal_that_is_to_be_ignored_is(
    command: Command, at_iteration_3: Callable[[Callable[[], object]], None]
) -> None:
    """As by `nohup`, for a terminal that closes."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        at_iteration_3(lambda: signal.raise_signal(signal.SIGHUP))
        assert command(f"{SMALL} --steps 9 --run run").status == 0
    finally:
        signal.signal(signal.SIGHUP, before)


# What fails leaves nothing -------------------------------------------------------------------------


def test_a_training_that_never_began_leaves_no_run(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(f"{SMALL} --steps 1").status == 0
    good = newest_run("torch")
    nothing = dict.fromkeys(("d_loss", "g_loss", "d_real", "d_fake"), np.float32("nan"))
    monkeypatch.setattr("pytorch_gan.training.GAN.train_step", lambda *arguments: nothing)
    for line in (f"{SMALL} --steps 5", f"{SMALL} --steps 5 --run mine"):
        command(line).assert_fails(1, "NaN or infinite at iteration 0", "--lr")
    assert not Path("mine").exists()

    assert newest_run("torch") == good == run_path("runs/torch/latest")
    assert Path("runs/torch/latest").resolve() == good.resolve()
    assert {path.name for path in Path("runs/torch").iterdir()} == {good.name, "latest"}

    Path("latest").symlink_to("somewhere")  # not of this project
    command(f"{SMALL} --steps 5 --run mine").assert_fails(1, "NaN or infinite at iteration 0")
    assert Path("latest").is_symlink()


def test_a_run_that_cannot_be_created_leaves_nothing(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(self: Run) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Run, "save_record", full_disk)
    command(f"{SMALL} --run mine").assert_fails(1, "mine cannot be used for a run (No space left on device)")
    assert not Path("mine").exists()


def test_runs_of_other_users_are_passed_over(open_folder: Path) -> None:
    make_runs(open_folder, *NAMES)
    with ordinary_user(open_folder):
        (open_folder / NAMES[2]).chmod(0)
        assert newest_in(open_folder) == open_folder / NAMES[1]


def test_a_run_that_diverged_early_names_one_to_generate_from(
    command: Command, at_iteration_3: Callable[[Callable[[], object]], None]
) -> None:
    assert command(f"{SMALL} --steps 1").status == 0
    good = newest_run("torch")

    def diverge() -> None:
        raise GanError("The training diverged.")

    at_iteration_3(diverge)
    assert command(f"{SMALL} --steps 9").status == 1
    assert (newest_run("torch") / "losses.png").exists()
    command("generate").assert_fails(2, "has no checkpoint yet", f"such as {good}")


def test_where_files_cannot_be_locked_the_training_goes_on(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(filelock.FileLock, "_acquire", no_locks)
    outcome = command(f"{SMALL} --steps 2 --run run")
    assert outcome.status == 0 and "Notice: the file system of run has no locks" in outcome.err


def test_damaged_losses_are_refused_before_the_training(command: Command, small_run: Path) -> None:
    copy = copy_of(small_run)
    lines = (copy / "losses.csv").read_text().splitlines(keepends=True)
    for damaged in (
        [*lines[:5], lines[5].replace("0.", "x.", 1), *lines[6:]],
        [*lines[:5], *lines[6:], "25,1,1,1,1\n"],
        lines[:20],
    ):
        (copy / "losses.csv").write_text("".join(damaged))
        before = files_below(copy)
        outcome = command(f"train --resume --run {copy} --steps 30")
        outcome.assert_fails(1, "losses.csv", "start a new run")
        assert "Learning from" not in outcome.out
        assert files_below(copy) == before


def test_a_row_that_a_killed_process_left_half_written_is_no_damage(
    command: Command, small_run: Path
) -> None:
    copy = copy_of(small_run)
    with (copy / "losses.csv").open("a") as file:
        file.write("25,0.7")
    assert len(Run.open(copy).losses()) == 25
    assert command(f"train --resume --run {copy} --steps 30").status == 0
    assert len(Run.open(copy).losses()) == 30


# Windows, simulated --------------------------------------------------------------------------------


def test_a_file_is_synced_through_a_handle_that_can_write(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses others."""
    fcntl = pytest.importorskip("fcntl", reason="fcntl tells how a file was opened, and is not on Windows")
    synced: list[int] = []

    def sync(descriptor: int) -> None:
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        assert flags & os.O_ACCMODE in (os.O_WRONLY, os.O_RDWR)
        synced.append(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    assert command(f"{SMALL} --steps 2 --run run").status == 0
    assert len(synced) > 5


def test_a_training_does_without_links_and_without_other_signals_than_windows_has(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    for name in ("SIGHUP", "SIGXCPU", "SIGUSR1", "SIGUSR2"):
        monkeypatch.delattr("signal." + name)
    for steps in (1, 2):
        assert command(f"{SMALL} --steps {steps}").status == 0
    assert not os.path.lexists("runs/torch/latest")
    assert "after 2 iterations" in command("generate").out
    assert command("train --resume --steps 3").status == 0
