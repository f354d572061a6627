"""Exported networks: what other programs make of them, what is in the file, what is refused."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import safetensors.numpy

from common import checkpoint
from common.checkpoint import Arrays, initial_arrays
from common.config import Config
from common.data.mnist import PIXELS, REPOSITORY
from common.export import main, to_safetensors
from common.feed import Purpose, draw_noise, with_labels
from common.networks import networks
from common.onnx_graph import to_onnx
from common.runs.run import Run
from tests.conftest import SMALL, Outcome, as_process, copy_of, require_framework

NETWORKS = {
    f"{kind}, {classes} classes": Config(networks=kind, classes=classes)
    for kind in ("dense", "convolutional")
    for classes in (0, 10)
}
COUNT = 50


def rows(config: Config, network: str) -> np.ndarray:
    """Something for this network to take: float32 (COUNT, numbers)."""
    width = config.noise_dim if network == "generator" else PIXELS
    noise = draw_noise(1, Purpose.GENERATED_NOISE, COUNT, width)
    return with_labels(noise, np.arange(COUNT) % 10, config.classes)


def as_if_trained(config: Config) -> Arrays:
    """Random weights, and running statistics that are not those of the beginning."""
    stream = np.random.default_rng(0)
    return {
        name: array + stream.random(array.shape, np.float32) if "running" in name else array
        for name, array in initial_arrays(config).items()
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_runtime_computes_the_same(name: str) -> None:
    config = NETWORKS[name]
    arrays = as_if_trained(config)
    for network in networks(config):
        x = rows(config, network.name)
        session = onnxruntime.InferenceSession(to_onnx(network, arrays, config, {}))
        (source,), (target,) = session.get_inputs(), session.get_outputs()
        (made,) = session.run(None, {source.name: x})
        assert (source.name, target.name) == {
            "generator": ("noise", "images"),
            "discriminator": ("images", "logits"),
        }[network.name]
        assert source.shape == ["N", x.shape[1]] and target.shape == ["N", made.shape[1]]
        np.testing.assert_allclose(made, network(arrays, x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_safetensors_hold_weights_and_layers(name: str) -> None:
    config = NETWORKS[name]
    arrays = as_if_trained(config)
    for network in networks(config):
        content = to_safetensors(network, arrays, {})
        stored = safetensors.numpy.load(content)
        assert stored.keys() == network.weights.keys()
        for weight, array in stored.items():
            assert array.dtype == np.float16
            np.testing.assert_array_equal(array, arrays[weight].astype(np.float16))
        length = int.from_bytes(content[:8], "little")
        layers = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["layers"])
        assert [layer["name"] for layer in layers] == [layer.name for layer in network.layers]
        assert [layer["kind"] for layer in layers] == [type(layer).__name__ for layer in network.layers]
        if network.name == "generator":
            assert len(content) <= 3_000_000


# The command ---------------------------------------------------------------------------------------

Export = Callable[[str], Outcome]


@pytest.fixture(scope="module")
def averaged_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 10 iterations in PyTorch that keeps averages."""
    require_framework("PyTorch")
    folder = tmp_path_factory.mktemp("averaged")
    assert as_process(f"{SMALL} --ema-decay 0.9 --steps 10 --run run", folder).status == 0
    return folder / "run"


@pytest.fixture
def export(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    averaged_run: Path,
) -> Export:
    """Run `python -m common.export ...` in this process, in a folder with a copy of a run in `run`."""
    monkeypatch.chdir(tmp_path)
    copy_of(averaged_run, "run")

    def run(line: str) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            main(line.split())
        said = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.mark.slow
def test_a_run_is_exported_for_onnx_runtime(export: Export) -> None:
    """Its images are those that `generate` makes of the same noise, by PyTorch, averaged ones too."""
    for weights in ("last", "averaged"):
        told = export(f"--run run --format onnx --weights {weights} --out {weights}.onnx")
        assert told.status == 0 and f"Wrote {weights}.onnx: the generator after 10 iterations" in told.out
        line = f"generate --run run --count 9 --seed 3 --device cpu --weights {weights} --out {weights}.npy"
        assert as_process(line, Path.cwd()).status == 0
        session = onnxruntime.InferenceSession(f"{weights}.onnx")
        noise = draw_noise(3, Purpose.GENERATED_NOISE, 9, Run.open(Path("run")).config.noise_dim)
        (images,) = session.run(None, {"noise": noise})
        np.testing.assert_allclose(images, np.load(f"{weights}.npy"), rtol=0, atol=1e-5)
        recorded = session.get_modelmeta().custom_metadata_map
        assert recorded["iteration"] == "10" and json.loads(recorded["config"])["noise_dim"] == 4


def test_without_options_it_writes_safetensors(export: Export) -> None:
    assert export("--run run --network discriminator").status == 0
    stored = safetensors.numpy.load_file("discriminator.safetensors")
    arrays = Run.open(Path("run")).newest_checkpoint().arrays
    for name, array in stored.items():
        np.testing.assert_array_equal(array, arrays[name].astype(np.float16))


def test_what_cannot_be_exported_is_said(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    export("--run nowhere").assert_fails(2, "nowhere", "--run")
    export("--run run --out nowhere/generator.onnx").assert_fails(2, "nowhere", "--out")
    export("--run run --format pickle").assert_fails(2, "--format", "safetensors, onnx")
    export("--run run --network discriminator --weights averaged").assert_fails(2, "--weights")
    monkeypatch.setitem(sys.modules, "common.onnx_graph", None)
    export("--run run --format onnx").assert_fails(1, "onnx", "make export")

    run = Run.open(Path("run"))
    path = run.checkpoint_paths()[-1]
    state = checkpoint.load(path)
    state.networks_alone(("last",), discriminator=True).save(path)
    assert export("--run run --network discriminator").status == 0
    state.networks_alone(("last",)).save(path)
    export("--run run --network discriminator").assert_fails(2, "generator alone", "--network")
    for one in run.checkpoint_paths():
        one.unlink()
    export("--run run").assert_fails(2, "no checkpoint")


def test_averages_are_not_there_without_having_been_kept(export: Export, small_run: Path) -> None:
    copy_of(small_run, "plain")
    export("--run plain --weights averaged").assert_fails(2, "--ema-decay", "--weights")
    assert not list(Path.cwd().glob("generator.*"))


def test_the_tutorials_program_makes_images(export: Export) -> None:
    """The page shows what to do with an exported generator; here with a smaller noise."""
    (program,) = re.findall(r"```python\n(.+?)```", (REPOSITORY / "docs/en/export.md").read_text(), re.S)
    assert export("--run run --format onnx").status == 0
    made: dict[str, np.ndarray] = {}
    exec(program.replace("(16, 100)", "(16, 4)"), made)
    assert made["pixels"].shape == (16, 28, 28) and made["pixels"].std() > 0
