"""Several devices train what one does: see `distribution.py` in each framework folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from common import checkpoint
from common.config import Config
from common.engines import ENGINES
from common.runs.run import Run
from tests.combinations import COMBINATIONS
from tests.conftest import require_framework
from tests.frameworks import Player, Trace
from tests.test_resume import assert_same_run, finish, start, wait_until

pytestmark = pytest.mark.slow

SEVERAL = ("PyTorch", "TensorFlow", "Keras on JAX", "Keras on TensorFlow")  # what trains on several devices
MOST = 4
AGREEMENT = 1e-9  # measured: 1e-12 in losses, 7e-12 in weights
CONFIGS = {
    "step 1, with masks": (COMBINATIONS["dense, non-saturating, discriminator-first, 0 classes"], 100),
    "conditional wasserstein": (COMBINATIONS["dense, wasserstein, discriminator-first, 10 classes"], 100),
    "batch normalisation": (
        COMBINATIONS["convolutional, non-saturating, discriminator-first, 0 classes"],
        20,
    ),
}
SMALL = "train --dataset digits --batch-size 8 --noise-dim 4 --device cpu"
KILLED = (
    f"{SMALL} --train-limit 100 --devices 2 --steps 60 --ema-decay 0.9 --sample-every 10 --checkpoint-every 6"
)


def settings(name: str) -> tuple[Config, int, bool]:
    """Configuration, number of iterations, and whether dropout's masks are given."""
    config, iterations = CONFIGS[name]
    with_masks = name.endswith("masks")
    dropout = config.dropout if with_masks else 0.0
    steps = min(2, config.critic_steps)
    return (
        replace(config, batch_size=8, dropout=dropout, ema_decay=0.99, critic_steps=steps),
        iterations,
        with_masks,
    )


class Team:
    """An engine on several devices: players that train together, of which the first has what comes of it."""

    def __init__(self, engine: str, devices: int) -> None:
        self.devices = devices
        processes = devices if engine == "PyTorch" else 1
        self.players = [Player(engine, "float64", devices) for _ in range(processes)]

    def train(self, name: str) -> Trace:
        config, iterations, with_masks = settings(name)
        arguments = config, checkpoint.initial_arrays(config), 0, iterations
        if len(self.players) == 1:
            trace: Trace = self.players[0].run(*arguments, with_masks=with_masks)
            return trace
        with socket.create_server(("localhost", 0)) as server:
            port = server.getsockname()[1]
        begun = [
            player.begin("run_as", number, self.devices, port, *arguments, with_masks=with_masks)
            for number, player in enumerate(self.players)
        ]
        first, *_ = [one.result(timeout=300) for one in begun]
        return first

    def stop(self) -> None:
        for player in self.players:
            player.stop()


@pytest.fixture(scope="module", params=[2, MOST])
def devices(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(scope="module", params=SEVERAL)
def team(request: pytest.FixtureRequest, devices: int) -> Iterator[Team]:
    require_framework(request.param)
    several = Team(request.param, devices)
    yield several
    several.stop()


@cache
def on_one_device(player: Player, name: str) -> Trace:
    config, iterations, with_masks = settings(name)
    trace: Trace = player.run(config, checkpoint.initial_arrays(config), 0, iterations, with_masks=with_masks)
    return trace


@pytest.mark.parametrize("name", CONFIGS)
def test_several_devices_train_what_one_does(
    players: Callable[[str, str], Player], team: Team, name: str
) -> None:
    """Losses, weights, moments, averages and running statistics: gradients and statistics are of all rows."""
    one, several = on_one_device(players("PyTorch", "float64"), name), team.train(name)
    np.testing.assert_allclose(several.losses, one.losses, rtol=0, atol=AGREEMENT)
    assert several.arrays.keys() == one.arrays.keys()
    for array_name, array in several.arrays.items():
        np.testing.assert_allclose(array, one.arrays[array_name], rtol=0, atol=AGREEMENT, err_msg=array_name)


@pytest.mark.parametrize("engine", ["TensorFlow", "Keras on TensorFlow"])
def test_each_device_of_a_process_has_masks_of_its_own(engine: str) -> None:
    """On JAX one program draws them for all rows; of several processes each has a seed of its own."""
    require_framework(engine)
    player = Player(engine, "float32", 2)
    first, second = player.kept_on_devices(Config(batch_size=8, dropout=0.5))
    player.stop()
    assert first.shape == second.shape == (8, 1024)
    assert 0.4 < np.mean(first == second) < 0.6


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("module") / "uninterrupted"
    finish(start(folder, KILLED))
    return folder


def workers_of(launcher: int) -> list[int]:
    """The processes that torchrun has started."""
    return [int(pid) for pid in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()]


def wait_until_gone(processes: list[int]) -> None:
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in processes):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system does not list processes there")
def test_a_run_whose_processes_are_stopped_and_killed_ends_the_same(
    uninterrupted: Path, tmp_path: Path
) -> None:
    """Ctrl-C, and the end of each process in turn: all end with a sentence, and the run goes on."""
    folder = tmp_path / "killed"
    resume = "train --resume --device cpu --devices 2"
    process = start(folder, KILLED)
    wait_until(process, folder, 12)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in err
    assert "--resume" in out and "--devices 2" in out

    for victim, iteration in [("first worker", 24), ("second worker", 36), ("torchrun", 48)]:
        process = start(folder, resume)
        wait_until(process, folder, iteration)
        workers = workers_of(process.pid)
        assert len(workers) == 2
        killed = {"first worker": workers[0], "second worker": workers[1], "torchrun": process.pid}[victim]
        os.kill(killed, signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        assert process.returncode not in (0, None), victim
        assert "Traceback" not in err, victim
        assert err.count("error: ") == (2 if victim == "torchrun" else 1), err
        wait_until_gone(workers)
    finish(start(folder, resume))
    assert_same_run(folder, uninterrupted)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--devices 0", "--devices must be at least 1, not 0."),
        ("--devices 3 --batch-size 64", "--batch-size 64 cannot be shared out among --devices 3"),
        ("--devices 1000 --batch-size 1000", "--devices must be at most"),
    ],
)
@pytest.mark.parametrize("engine", SEVERAL)
def test_devices_that_cannot_be(tmp_path: Path, engine: str, options: str, sentence: str) -> None:
    process = start(tmp_path / "run", f"train --dataset digits --device cpu {options}", engine)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.startswith("error: ") and sentence in err and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("engine", "processes", "sentence"),
    [
        ("Keras on PyTorch", 1, "trains on one device here; for several use KERAS_BACKEND=jax or"),
        ("Keras on TensorFlow", 2, "trains in one process here; for several use KERAS_BACKEND=jax."),
    ],
)
def test_keras_says_which_backends_have_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, processes: int, sentence: str
) -> None:
    if processes > 1:
        worker_of(engine, 0, [1, 1], monkeypatch)
    process = start(tmp_path / "run", "train --dataset digits --device cpu --devices 2", engine)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"error: {engine} {sentence}" in err and err.count("\n") == 1


def test_a_port_that_is_taken_and_a_process_that_never_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes started by hand, by the variables that `torch.distributed` documents; they wait for less."""
    require_framework("PyTorch")
    from pytorch_gan import distribution

    assert distribution.TO_MEET.total_seconds() < 60
    shortened = "from datetime import timedelta; from pytorch_gan import distribution, __main__ as program; "
    shortened += "distribution.TO_MEET = timedelta(seconds=5); program.main(program.FRAMEWORK)"
    line = f"train --dataset digits --device cpu --run {tmp_path / 'run'}"
    command = [sys.executable, "-c", shortened, *line.split()]
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        variables = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": f"{port}"}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        taken = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert f"error: localhost:{port}, where the processes are to meet, is taken" in taken.stderr
    alone = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert alone.returncode == taken.returncode == 1
    assert f"error: The 2 processes did not all come to localhost:{port} within 5 s" in alone.stderr
    assert "Traceback" not in taken.stderr + alone.stderr and not (tmp_path / "run").exists()


def worker_of(engine: str, number: int, ports: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what starts next be one of two workers on this machine, as the engine documents it."""
    addresses = [f"localhost:{port}" for port in ports]
    if engine == "TensorFlow":
        task = {"type": "worker", "index": number}
        monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": addresses}, "task": task}))
    else:
        monkeypatch.setenv("KERAS_DISTRIBUTION_JOB_ADDRESSES", addresses[0])
        monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
        monkeypatch.setenv("KERAS_DISTRIBUTION_PROCESS_ID", f"{number}")


def start_workers(
    engine: str, folder: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> list[subprocess.Popen[str]]:
    """Two of them."""
    with socket.create_server(("localhost", 0)) as one, socket.create_server(("localhost", 0)) as other:
        ports = [server.getsockname()[1] for server in (one, other)]
    begun = []
    for number in range(2):
        worker_of(engine, number, ports, monkeypatch)
        begun.append(start(folder, line, engine))
    return begun


WORKERS = pytest.mark.parametrize("engine", ["TensorFlow", "Keras on JAX"])


@pytest.mark.parametrize(
    ("engine", "is_taken", "waiting"),
    [
        ("TensorFlow", "This worker's port in TF_CONFIG is taken", "Waiting for the workers in TF_CONFIG,"),
        (
            "Keras on JAX",
            "localhost:{port}, where the processes are to meet, is taken",
            "Waiting for the other processes at localhost:{port},",
        ),
    ],
)
def test_a_port_that_is_taken_and_a_worker_that_never_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, is_taken: str, waiting: str
) -> None:
    require_framework(engine)
    package = ENGINES[engine].package
    distribution = "distribution.engine" if package == "keras_gan" else "distribution"
    program = f"from {package} import __main__ as program; program.load(2); "
    program += f"import {package}.distribution; distribution = {package}.{distribution}; "
    program += "assert distribution.TO_MEET < 60; "
    program += "distribution.TO_MEET = 5; program.main(program.FRAMEWORK)"
    line = f"train --dataset digits --device cpu --run {tmp_path / 'run'}"
    command = [sys.executable, "-c", program, *line.split()]
    monkeypatch.setenv("KERAS_BACKEND", ENGINES[engine].keras_backend)
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        worker_of(engine, 0, [port, 1], monkeypatch)
        taken = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert taken.returncode == 1
        assert f"error: {is_taken.format(port=port)}; choose another" in taken.stderr
    alone = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert alone.returncode == -signal.SIGALRM
    assert f"Notice: {waiting.format(port=port)} for 5 s at most." in alone.stderr
    assert "Traceback" not in taken.stderr + alone.stderr and not (tmp_path / "run").exists()


@WORKERS
def test_when_a_worker_is_killed_the_others_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    folder = tmp_path / "run"
    first, second = start_workers(engine, folder, f"{SMALL} --checkpoint-every 2", monkeypatch)
    wait_until(first, folder, 4)
    second.kill()
    second.communicate()
    _, err = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "error: Another process of this training has ended" in err and "Traceback" not in err
    assert len(Run.open(folder).checkpoint_paths()) == 2


@pytest.mark.parametrize(
    ("engine", "name", "value"),
    [
        ("PyTorch", "WORLD_SIZE", "two"),
        ("TensorFlow", "TF_CONFIG", "{"),
        ("TensorFlow", "TF_CONFIG", "[]"),
        ("Keras on JAX", "KERAS_DISTRIBUTION_NUM_PROCESSES", "2"),
    ],
)
def test_an_environment_that_does_not_say_who_trains_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    process = start(tmp_path / "run", "train --dataset digits --device cpu", engine)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.startswith("error: The environment's ") and name in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("engine", "variables"),
    [
        ("PyTorch", {"WORLD_SIZE": "1", "RANK": "0"}),
        (
            "Keras on TensorFlow",
            {
                "KERAS_DISTRIBUTION_JOB_ADDRESSES": "localhost:1",
                "KERAS_DISTRIBUTION_NUM_PROCESSES": "1",
                "KERAS_DISTRIBUTION_PROCESS_ID": "0",
            },
        ),
    ],
)
def test_one_process_alone_trains_as_if_nobody_had_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    finish(start(tmp_path / "run", f"{SMALL} --steps 1", engine))
    assert len(Run.open(tmp_path / "run").losses()) == 1


def test_a_run_goes_on_with_more_devices_and_in_another_framework(tmp_path: Path) -> None:
    """PyTorch on one device, TensorFlow on two, Keras on JAX on four, in the same folder."""
    folder = tmp_path / "run"
    finish(start(folder, f"{SMALL} --steps 2"))
    for devices, engine, steps in [(2, "TensorFlow", 4), (4, "Keras on JAX", 6)]:
        line = f"train --resume --device cpu --devices {devices} --steps {steps}"
        finish(start(folder, line, engine))
    run = Run.open(folder)
    assert run.losses()["iteration"].tolist() == [*range(6)]
    found = [one["environment"].get("devices") for one in run.record["sessions"]]
    assert found == [None, "2", "4"]


@WORKERS
def test_two_workers_train_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    line = f"{SMALL} --dropout 0 --steps 2"
    finish(start(tmp_path / "alone", line))  # in PyTorch, which starts soonest
    first, second = [
        finish(process) for process in start_workers(engine, tmp_path / "run", line, monkeypatch)
    ]
    assert "2 x cpu" in first
    assert all(line.startswith("[Gloo] ") for line in second.splitlines())  # which JAX says by itself
    alone, together = (Run.open(tmp_path / name).losses() for name in ("alone", "run"))
    for column in ("d_loss", "g_loss"):
        np.testing.assert_allclose(together[column], alone[column], rtol=1e-5)  # measured: 2e-7
