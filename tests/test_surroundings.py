"""What a user's files and variables may change, and on which device it computes: in all frameworks."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common.engines import ENGINES
from common.errors import UsageError
from common.machine import hardware
from common.machine.device import choose
from common.runs.run import Run
from tests.conftest import Outcome
from tests.frameworks import Player

REPOSITORY = Path(__file__).parent.parent
TRAIN = "train --dataset digits --batch-size 8 --noise-dim 4 --steps 5"
DISTURBING = {
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_DISABLE_JIT": "1",
    "JAX_ENABLE_X64": "1",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_TRANSFER_GUARD": "disallow",
    "KERAS_MAX_EPOCHS": "no number",
    "KERAS_MAX_STEPS_PER_EPOCH": "2",
    "KERAS_NNX_ENABLED": "1",
    "KERAS_TORCH_DEVICE": "meta",
    "ONEDNN_DEFAULT_FPMATH_MODE": "ANY",
    "TF_DETERMINISTIC_OPS": "1",
    "TF_SET_ONEDNN_FPMATH_MODE": "BF16",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1",
}
KERAS_JSON = {  # valid or not
    "PyTorch": "",
    "TensorFlow": '{"floatx": "float8"}',
    "Keras on TensorFlow": '{"floatx": "float64", "epsilon": 0.1}',
    "Keras on JAX": '["invalid"]',
    "Keras on PyTorch": '{"floatx": "float16", "nnx_enabled": true}',
}
MEMORY = {  # how a user asks for what the framework does by itself
    "TensorFlow": ("TF_FORCE_GPU_ALLOW_GROWTH", "false"),
    "Keras on TensorFlow": ("TF_FORCE_GPU_ALLOW_GROWTH", "false"),
    "Keras on JAX": ("XLA_PYTHON_CLIENT_PREALLOCATE", "true"),
}
COMMANDS = """
import os, sys
from common.command_line.main import main
from {package}.__main__ import FRAMEWORK
for line in sys.argv[1:]:
    try:
        main(FRAMEWORK, line.split())
    except SystemExit as ended:
        if ended.code:
            raise
if "torch" in sys.modules:
    assert sys.modules["torch"].get_float32_matmul_precision() == "highest"
    assert not sys.modules["torch"].backends.cudnn.allow_tf32
assert "{package}" == "keras_gan" or "keras" not in sys.modules
print(os.environ)
"""

Players = Callable[[str, str], Player]
each_framework = pytest.mark.parametrize("name", ENGINES)


# Files and variables --------------------------------------------------------------------------------


@each_framework
def test_files_and_variables_do_not_change_what_is_computed(
    players: Players, name: str, tmp_path: Path
) -> None:
    engine = ENGINES[name]
    memory = dict([MEMORY[name]]) if name in MEMORY else {}
    (tmp_path / "keras.json").write_text(KERAS_JSON[name])
    disturbed, quiet = tmp_path / "disturbed", tmp_path / "quiet"
    lines = {
        run: [f"{TRAIN} --device cpu --run {run}", f"generate --device cpu --run {run} --out {run}.npy"]
        for run in (disturbed, quiet)
    }
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS.format(package=engine.package), *lines[disturbed]],
        env=os.environ
        | DISTURBING
        | memory
        | {"KERAS_BACKEND": engine.keras_backend or "nonsense", "KERAS_HOME": str(tmp_path)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for variable, value in memory.items():
        assert f"'{variable}': '{value}'" in done.stdout
    for line in lines[quiet]:
        outcome = Outcome(*players(name, "float32").command(line))
        assert outcome.status == 0, outcome

    assert (disturbed / "losses.csv").read_bytes() == (quiet / "losses.csv").read_bytes()
    images, expected = (np.load(f"{folder}.npy") for folder in (disturbed, quiet))
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, expected)
    (session,) = Run.open(disturbed).record["sessions"]
    assert DISTURBING.keys() & session["environment"].keys() == {"TF_DETERMINISTIC_OPS"}


def test_variables_that_change_rounding_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        monkeypatch.delenv(name)
    assert {*hardware.describe()} == {"python", "numpy", "system", "cpu", "cores"}
    told = {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "COMPATIBLE",
        "NVIDIA_TF32_OVERRIDE": "1",
        "OMP_NUM_THREADS": "1",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_NUM_INTRAOP_THREADS": "1",
        "XLA_FLAGS": "--xla_cpu_enable_fast_math=true",
    }
    for name, value in (told | {"TF_CPP_MIN_LOG_LEVEL": "3", "HOME": "/home/me", "TF_CONFIG": "{}"}).items():
        monkeypatch.setenv(name, value)
    assert hardware.describe().items() >= told.items()
    assert len(hardware.describe()) == 5 + len(told)


@pytest.mark.parametrize("name", MEMORY)
def test_the_memory_of_a_gpu_is_taken_as_it_is_needed(players: Players, name: str) -> None:
    variable, others = MEMORY[name]
    assert players(name, "float32").variable(variable) == {"false": "true", "true": "false"}[others]


# Devices --------------------------------------------------------------------------------------------


def works(device: str) -> None:
    """Any device."""


def cpu_alone(device: str) -> None:
    if not device.startswith("cpu"):
        raise RuntimeError("CUDA error: no kernel image.\nCompile with ...")


@pytest.mark.parametrize(
    "devices", [["cuda:0", "cuda:1", "mps:0", "cpu"], ["gpu:0", "gpu:1", "mps:0", "cpu:0"]]
)
def test_a_device_is_named_in_one_way_everywhere(devices: list[str]) -> None:
    first, second, mps, cpu = devices
    for name in ("auto", "Auto", "cuda", "gpu", "CUDA", "GPU:0", "cuda:0"):
        assert choose(name, devices, works, "X") == first
    assert choose("Cuda:1", devices, works, "X") == choose("gpu:1", devices, works, "X") == second
    assert choose("MPS", devices, works, "X") == mps
    assert choose("CPU", devices, works, "X") == choose("cpu:0", devices, works, "X") == cpu
    for absent in ("gpu:2", "cpu:1", "tpu", "", "cuda:x"):
        with pytest.raises(UsageError, match=f"X has no --device {absent} here; use auto, or {first} or "):
            choose(absent, devices, works, "X")


def test_a_gpu_that_cannot_compute_is_left_out_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert choose("auto", ["gpu:0", "gpu:1", "cpu"], cpu_alone, "X") == "cpu"
    assert capsys.readouterr().err == (
        "Notice: X cannot compute on gpu:0 (CUDA error: no kernel image); it takes gpu:1 instead.\n"
        "Notice: X cannot compute on gpu:1 (CUDA error: no kernel image); it takes cpu instead.\n"
    )
    with pytest.raises(UsageError, match=r"X cannot compute on gpu:0 \(CUDA error: no kernel image\); use"):
        choose("gpu", ["gpu:0", "gpu:1", "cpu"], cpu_alone, "X")


@each_framework
def test_every_framework_goes_by_these_rules(players: Players, name: str) -> None:
    player = players(name, "float32")
    (cpu,) = set(player.selected(["cpu", "CPU", "cpu:0", "auto", "AUTO"]))
    device, said = player.selected_beside_broken_gpu("auto")
    assert device == cpu
    assert re.fullmatch(r"Notice: .* cannot compute on .*\(.+\); it takes .*cpu.*\n", said, re.IGNORECASE)
    for gpu in ("gpu", "CUDA:0"):
        with pytest.raises(UsageError, match=r"cannot compute on .*\(.+\); use|has no --device"):
            player.selected_beside_broken_gpu(gpu)
