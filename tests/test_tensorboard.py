"""What TensorBoard is shown: whole runs, and what can be read of damaged ones; where, and until when."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import Image

from common import tensorboard
from common.data.mnist import REPOSITORY
from common.objectives import OBJECTIVES
from common.runs.run import Run
from common.tensorboard import Follower, Watch
from docs import serve
from tests.conftest import Outcome, not_on_windows, ordinary_user, require, slow

require("tensorboardX")

KEPT = REPOSITORY / "docs" / "results" / "frameworks" / "pytorch-seed0"
ROWS = 25


def make_run(folder: Path) -> None:
    """The part of a run that is shown: 25 rows and two pictures."""
    (folder / "samples").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    rows = [f"{row},{row + 0.5},1.25,0.75,0.25\n" for row in range(ROWS)]
    (folder / "losses.csv").write_text("".join([",".join(OBJECTIVES["non-saturating"].header) + "\n", *rows]))
    for step in (0, 20):
        Image.fromarray(np.full((4, 4), step, np.uint8)).save(folder / "samples" / f"{step:08}.png")


def shown(follower: Follower) -> tuple[dict[int, float], list[int]]:
    """The discriminator's loss at each step, and the steps of the pictures."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    follower.writer.close()
    events = EventAccumulator(str(follower.logs), {"scalars": 0, "images": 0})  # all of them
    events.Reload()
    tags = events.Tags()
    losses = events.Scalars("d_loss") if "d_loss" in tags["scalars"] else []
    pictures = events.Images("samples") if "samples" in tags["images"] else []
    return {event.step: event.value for event in losses}, [image.step for image in pictures]


WHOLE = ({0: 0.5, 10: 10.5, 20: 20.5}, [0, 20])


@pytest.mark.slow
def test_runs_are_read_while_they_go_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run)
    losses = (run / "losses.csv").read_text().splitlines(keepends=True)
    follower = Follower(run, tmp_path / "logs")
    # first 12 whole rows and a half, then cut back to 11 as by a resume, then all
    for content in ("".join(losses[:13]) + "12,0.5", "".join(losses[:12]), "".join(losses)):
        (run / "losses.csv").write_text(content)
        follower.catch_up()
    assert shown(follower) == WHOLE


def test_a_run_of_any_loss_is_shown_under_the_names_of_its_columns(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = tmp_path / "run"
    make_run(run)
    header = OBJECTIVES["wasserstein"].header
    rows = [f"{row},-4.5,0.5,-1.25,3.25,-3.5\n" for row in range(ROWS)]
    (run / "losses.csv").write_text("".join([",".join(header) + "\n", *rows]))
    follower = Follower(run, tmp_path / "logs")
    follower.catch_up()
    follower.writer.close()
    events = EventAccumulator(str(follower.logs), {"scalars": 0})
    events.Reload()
    assert {tag: events.Scalars(tag)[0].value for tag in events.Tags()["scalars"]} == {
        "distance": -4.5,
        "penalty": 0.5,
        "d_real": -1.25,
        "d_fake": 3.25,
        "g_loss": -3.5,
    }


def test_kept_runs_are_shown(tmp_path: Path) -> None:
    """Their rows are means of 100 iterations."""
    follower = Follower(KEPT, tmp_path)
    follower.catch_up()
    losses, pictures = shown(follower)
    assert [*losses] == list(range(99, 20_000, 1_000))
    assert pictures == [*Run.open(KEPT).pictures()]


def half_a_picture(run: Path) -> str:
    path = run / "samples" / "00000020.png"
    path.write_bytes(path.read_bytes()[:50])
    return "00000020.png is missing or cannot be read"


def nothing_in_a_picture(run: Path) -> str:
    (run / "samples" / "00000020.png").write_bytes(b"")
    return "00000020.png is missing or cannot be read"


def a_folder_like_a_picture(run: Path) -> str:
    (run / "samples" / "5.png").mkdir()
    return "5.png is missing or cannot be read"


def a_step_out_of_range(run: Path) -> str:
    name = "9" * 30 + ".png"
    shutil.copy(run / "samples" / "00000020.png", run / "samples" / name)
    return f"{name} is missing or cannot be read"


def change_row(run: Path, old: str, new: str) -> str:
    path = run / "losses.csv"
    assert old in path.read_text()
    path.write_bytes(path.read_text().replace(old, new).encode("latin-1"))
    return "losses.csv has damaged rows"


def half_a_row(run: Path) -> str:
    return change_row(run, "\n10,10.5,1.25,0.75,0.25", "\n10,10.5,1.2")


def a_row_of_zero_bytes(run: Path) -> str:
    return change_row(run, "\n10,10.5,", "\n\0\0\0\0\0,")


def a_row_of_other_bytes(run: Path) -> str:
    return change_row(run, "\n10,10.5,", "\n10,1ÿ.5,")


DAMAGES = [
    half_a_picture,
    nothing_in_a_picture,
    a_folder_like_a_picture,
    a_step_out_of_range,
    half_a_row,
    a_row_of_zero_bytes,
    a_row_of_other_bytes,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_left_out_with_one_notice(
    damage: Callable[[Path], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [tmp_path / "runs" / name for name in ("a", "b", "c")]
    for run in runs:
        make_run(run)
    notice = damage(runs[1])
    watch = Watch(tmp_path / "runs", tmp_path / "logs")
    watch.look()
    watch.look()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith("Notice: ") and said[0].endswith("left out.")
    assert str(runs[1]) in said[0] and notice in said[0]
    first, (losses, pictures), last = (shown(watch.followers[run]) for run in runs)
    assert first == last == WHOLE
    assert {0, 20} <= losses.keys() and pictures in ([0], [0, 20])


def test_a_picture_that_becomes_whole_is_shown(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    path = tmp_path / "run" / "samples" / "00000020.png"
    whole = path.read_bytes()
    follower = Follower(tmp_path / "run", tmp_path / "logs")
    for part in (whole[:50], whole):
        path.write_bytes(part)
        follower.catch_up()
    assert shown(follower) == WHOLE


@pytest.mark.parametrize("closed", ["b", "b/samples", "b/losses.csv"])
def test_what_may_not_be_read_is_left_out_with_one_notice(
    closed: str, open_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, logs = open_folder / "runs", open_folder / "logs"
    for name in ("a", "b"):
        make_run(runs / name)
    Follower(runs / "a", logs)  # imports what it needs
    with ordinary_user(open_folder):
        (runs / closed).chmod(0)
        watch = Watch(runs, logs)
        watch.look()
        watch.look()
        (runs / closed).chmod(0o700)
    assert (
        capsys.readouterr().err == f"Notice: {runs / closed} is missing or cannot be read, and is left out.\n"
    )
    assert shown(watch.followers[runs / "a"]) == WHOLE


def test_a_run_that_is_renamed_is_shown_under_its_new_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, logs = tmp_path / "runs", tmp_path / "logs"
    make_run(runs / "a")
    make_run(runs / "b")
    watch = Watch(runs, logs)
    watch.look()
    (runs / "b").rename(runs / "c")
    watch.look()
    watch.look()
    assert capsys.readouterr().err == f"Notice: {runs / 'b'} is missing or cannot be read, and is left out.\n"
    assert sorted(path.name for path in logs.iterdir()) == ["a", "c"]
    assert [shown(watch.followers[runs / name]) for name in ("a", "c")] == [WHOLE, WHOLE]


# Ports -------------------------------------------------------------------------------------------


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that something listens at."""
    with socket.create_server(("localhost", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def run(main: Callable[[list[str]], NoReturn], line: str) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            main(line.split())
        outputs = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), outputs.out, outputs.err)

    return run


SERVERS = {tensorboard: 'make tensorboard ARGS="--port {}"', serve: "make docs-serve PORT={}"}
each_server = pytest.mark.parametrize("server", SERVERS)


@each_server
def test_a_port_that_is_taken_is_said_and_how_to_name_another(
    server: Any, taken: int, said: Callable[..., Outcome]
) -> None:
    another = SERVERS[server].format(taken + 1)
    said(server.main, f"--port {taken}").assert_fails(2, f"Port {taken} is taken", f"`{another}`")


@each_server
@pytest.mark.parametrize("port", ["0", "-1", "65536", "x", ""])
def test_what_is_no_port_is_said(server: Any, port: str, said: Callable[..., Outcome]) -> None:
    said(server.main, f"--port={port}").assert_fails(2, "--port")


@not_on_windows
@pytest.mark.parametrize(
    ("server", "number"),
    [(serve, signal.SIGINT), *(slow(tensorboard, number) for number in (signal.SIGINT, signal.SIGTERM))],
)
def test_it_ends_quietly_and_as_a_whole(server: Any, number: signal.Signals, tmp_path: Path) -> None:
    """A terminal sends Ctrl-C to all processes at once, `kill` its signal to one."""
    make_run(tmp_path / "runs" / "a")
    half_a_picture(tmp_path / "runs" / "a")  # so that there is something to say once all is started
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", server.__name__, "--port", str(port)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    assert process.stdout and any(line.startswith(("Notice: ", "Open ")) for line in process.stdout)
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    rest, _ = process.communicate(timeout=60)  # until nobody can write any more
    assert process.returncode == 0 and "Traceback" not in rest and "Interrupt" not in rest
