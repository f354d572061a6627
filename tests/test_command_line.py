"""The command line as a user types it: what it makes, what it says, what it refuses."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common import checkpoint
from common.checkpoint import Checkpoint
from common.command_line.train import what_to_see
from common.config import RECIPES, Config, option_name, settings
from common.data import mnist
from common.data.mnist import REPOSITORY
from common.machine import hardware
from common.machine.files import PARTIAL
from common.runs.grid import CAPTION_LINE, to_uint8
from common.runs.run import Run
from tests.conftest import (
    SMALL,
    Command,
    copy_of,
    files_below,
    not_on_windows,
    ordinary_user,
    require,
)

require("torch")

COLUMNS = ["iteration", "d_loss", "g_loss", "d_real", "d_fake"]


# What a run leaves ---------------------------------------------------------------------------------


def test_a_run_folder_holds_everything(small_run: Path) -> None:
    record = json.loads((small_run / "run.json").read_text())
    assert record["config"]["batch_size"] == 8 and record["config"]["dataset"] == "digits"
    assert record["config"].keys() == settings().keys()
    assert record["data"]["title"] == "scikit-learn digits" and record["data"]["images"] == 1797
    assert re.fullmatch("[0-9a-f]{64}", record["data"]["sha256"])
    (session,) = record["sessions"]
    assert session["framework"] == "PyTorch" and session["to_iteration"] == 25
    assert session["environment"]["torch"] and session["environment"]["cpu"] and session["seconds"] > 0
    assert 100 < session["peak_memory_mib"] < 10_000

    assert (small_run / "losses.csv").read_text().splitlines()[0] == ",".join(COLUMNS)
    losses = Run.open(small_run).losses()
    np.testing.assert_array_equal(losses["iteration"], np.arange(25))
    assert np.all((losses["d_real"] > 0) & (losses["d_real"] < 1))

    samples = sorted(path.name for path in (small_run / "samples").iterdir())
    assert samples == ["00000000.png", "00000010.png", "00000020.png", "00000025.png"]
    kept = sorted(path.name for path in (small_run / "checkpoints").iterdir())
    assert kept == ["00000020.safetensors", "00000025.safetensors"]
    with Image.open(small_run / "samples.gif") as film:
        assert getattr(film, "n_frames", 1) == 4
    with Image.open(small_run / "losses.png") as chart:
        assert chart.width > 600


def test_the_end_says_what_to_look_at_and_what_to_type(command: Command) -> None:
    outcome = command(f"{SMALL} --steps 3")
    assert outcome.status == 0
    assert "Learning from scikit-learn digits, 1,797 images. PyTorch computes on cpu (" in outcome.out
    assert "Trained 3 iterations on scikit-learn digits" in outcome.out
    named = re.findall(r"runs/torch/\S+", outcome.out)
    assert all(Path(path).exists() for path in named) and len(named) >= 4
    next_command = re.search(r"Next  \S+ -m pytorch_gan (.*)", outcome.out)
    assert next_command and command(next_command[1]).status == 0
    assert Path("digits.png").exists()
    assert Path("runs/torch/latest").resolve() == Path(named[0]).resolve()


@pytest.mark.parametrize(
    ("name", "subject"), [("mnist", "digits"), ("digits", "digits"), ("fashion-mnist", "images")]
)
def test_digits_appear_only_where_digits_are_learnt(
    name: str, subject: str, tiny_images: mnist.Images, tmp_path: Path
) -> None:
    run = Run.create(tmp_path / "run", Config(), replace(tiny_images, name=name))
    assert f"   {subject} appear out of noise" in what_to_see(run)


def test_every_path_is_expanded(command: Command, small_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path("home").resolve()
    monkeypatch.setenv("HOME", str(home))
    home.mkdir()
    copy_of(small_run, "home/copy")
    for line in (
        f"{SMALL} --steps 1 --run=~/run --data-dir=~/data",
        "train --resume --run=~/copy --steps 26 --device cpu",
        "generate --run=~/run --out=~/digits.png",
        "generate --run=~/run --out=~/images/",
    ):
        assert command(line).status == 0, line
    made = {"run", "copy", "digits.png", "images"}
    assert {path.name for path in home.iterdir()} == made and not Path("~").exists()


def test_commands_name_the_data_wherever_they_are_typed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also where GAN_DATA_DIR stood before one command alone."""
    monkeypatch.chdir(tmp_path)
    assert mnist.data_dir_option(REPOSITORY / "data") == []
    monkeypatch.setenv("GAN_DATA_DIR", str(tmp_path / "elsewhere"))
    assert mnist.data_dir_option(mnist.default_data_dir()) == ["--data-dir", "elsewhere"]


def test_commands_are_for_the_shell_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(Path("my env", "python").absolute()))
    words = ["-m", "keras_gan", "--run", "a run"]
    line = hardware.python_line(words, "KERAS_BACKEND=jax ")
    assert line == "KERAS_BACKEND=jax 'my env/python' -m keras_gan --run 'a run'"
    monkeypatch.setattr(hardware, "WINDOWS", True)
    line = hardware.python_line(words, "KERAS_BACKEND=jax ")
    assert line == '$env:KERAS_BACKEND = "jax"; & "my env/python" -m keras_gan --run "a run"'
    assert hardware.python_line(words) == '& "my env/python" -m keras_gan --run "a run"'


def test_latest_points_at_the_newest_run(command: Command) -> None:
    for steps in (1, 2):
        assert command(f"{SMALL} --steps {steps}").status == 0
    runs = [path for path in Path("runs/torch").iterdir() if not path.is_symlink()]
    assert len(runs) == 2  # in the same second, perhaps
    assert Run.open(Path("runs/torch/latest")).config.steps == 2


def test_epochs_count_passes_over_the_images(command: Command) -> None:
    assert command(f"{SMALL} --epochs 3 --train-limit 20 --run run").status == 0
    assert Run.open(Path("run")).config.steps == 3 * 20 // 8
    command("train --steps 5 --epochs 3").assert_fails(2, "--epochs", "not allowed with", "--steps")


def test_the_data_of_a_run_is_in_its_pictures(small_run: Path) -> None:
    run = Run.open(small_run)
    assert run.caption("PyTorch", 0, 25) == "PyTorch · scikit-learn digits\nseed 0 · 25 iterations"


def test_help_reads_like_documentation(command: Command) -> None:
    text = " ".join(command("train --help").out.split())
    for name, about in settings().items():
        assert option_name(name) in text and about.meaning in text
    for recipe in RECIPES:
        assert f"{recipe} is " in text
    assert "wgan-gp is --loss wasserstein --critic-steps 5 --gradient-penalty 10.0" in text
    assert "cgan is --ema-decay 0.999 --conditional" in text
    assert "(at least 1; default: 64)" in text and "93,750" in text and "GAN_DATA_DIR" in text
    for option in ("--epochs", "--data-dir", "--device", "--run", "--resume"):
        assert option in text
    text = command("generate --help").out
    for option in ("--run", "--count", "--seed", "--weights", "--out", "--interpolate"):
        assert option in text


# Generate ------------------------------------------------------------------------------------------


def test_generate_writes_pictures_and_arrays(
    small_run: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate = f"generate --run {small_run} --device cpu"
    assert command(f"{generate} --count 5 --seed 1 --out five.npy").status == 0
    images = np.load("five.npy")
    assert images.shape == (5, 784) and images.dtype == np.float32 and np.abs(images).max() <= 1
    assert command(f"{generate} --count 3 --seed 1 --out three.npy").status == 0
    np.testing.assert_allclose(np.load("three.npy"), images[:3], atol=1e-6)
    monkeypatch.setattr("common.command_line.generate.AT_ONCE", 2)
    assert command(f"{generate} --count 5 --seed 1 --out in_parts.npy").status == 0
    np.testing.assert_allclose(np.load("in_parts.npy"), images, atol=1e-6)
    assert command(f"{generate} --count 5 --seed 2 --out other.npy").status == 0
    assert np.abs(np.load("other.npy") - images).max() > 0.01

    outcome = command(f"{generate} --out digits.png")
    assert outcome.out == "Wrote digits.png: 64 images after 25 iterations on scikit-learn digits.\n"
    with Image.open("digits.png") as picture:
        assert picture.width == 3 * (8 * 30 + 2)


def test_generate_writes_single_images(
    small_run: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate = f"generate --run {small_run} --device cpu --count 5 --seed 1 --out"
    assert command(f"{generate} five.npy").status == 0
    Path("there").mkdir()
    for folder in ("new/", "new.pictures/", "there", "there/deeper/"):
        outcome = command(f"{generate} {folder}")
        assert outcome.status == 0 and f"Wrote {folder.rstrip('/')}: 5 images" in outcome.out
        names = [f"{index:06}.png" for index in range(5)]
        assert sorted(path.name for path in Path(folder).iterdir() if path.is_file()) == names
        for name, image in zip(names, np.load("five.npy"), strict=True):
            with Image.open(Path(folder, name)) as picture:
                assert (picture.mode, picture.size) == ("L", (28, 28))
                np.testing.assert_array_equal(np.asarray(picture).reshape(784), to_uint8(image))
        if folder == "there":
            before = files_below(Path())
            command(f"{generate} there").assert_fails(2, "--out there is not an empty folder")
            command(f"{generate} five.npy/").assert_fails(2, "--out five.npy is not an empty folder")
            command(f"{generate} nowhere/deeper/").assert_fails(2, "no folder nowhere", "--out")
            assert files_below(Path()) == before
            shutil.rmtree("there")
            Path("there").mkdir()

    def full_disk(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Image.Image, "save", full_disk)
    command(f"{generate} full/").assert_fails(1, "full cannot be written", "free some space")
    assert not [path for path in Path().iterdir() if "full" in path.name]


def test_single_images_go_into_the_folder_one_is_in(
    small_run: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("here").mkdir()
    monkeypatch.chdir("here")
    assert command(f"generate --run {small_run} --count 2 --device cpu --out ./").status == 0
    assert sorted(path.name for path in Path().iterdir()) == ["000000.png", "000001.png"]


def test_generate_interpolates(small_run: Path, command: Command) -> None:
    generate = f"generate --interpolate --run {small_run} --count 9 --out"
    assert command(f"{generate} strip.png").status == 0
    with Image.open("strip.png") as strip:
        assert strip.width == 3 * (9 * 30 + 2)
    assert command(f"{generate} walk.gif").status == 0
    with Image.open("walk.gif") as film:
        assert getattr(film, "n_frames", 1) == 9
    assert command(f"{generate} walk.npy").status == 0
    steps = np.abs(np.diff(np.load("walk.npy"), axis=0)).max(axis=1)
    assert steps.max() < 0.5  # neighbours look alike


@pytest.mark.parametrize("kind", settings()["networks"].choices)
def test_generate_takes_the_last_weights_or_the_averaged(command: Command, kind: str) -> None:
    assert command(f"{SMALL} --networks {kind} --steps 20 --ema-decay 0.9 --run run").status == 0
    generate = "generate --run run --device cpu --out"
    outcome = command(f"{generate} averaged.npy --weights averaged")
    assert outcome.out == (
        "Wrote averaged.npy: 64 images after 20 iterations on scikit-learn digits, averaged generator.\n"
    )
    for line in ("default.npy", "last.npy --weights last", "last.png", "averaged.png --weights averaged"):
        assert command(f"{generate} {line}").status == 0
    captions = [np.asarray(Image.open(f"{name}.png"))[-2 * CAPTION_LINE :] for name in ("last", "averaged")]
    assert not np.array_equal(captions[0], captions[1])
    last = np.load("last.npy")
    np.testing.assert_array_equal(np.load("default.npy"), last)
    assert np.abs(np.load("averaged.npy") - last).max() > 0.01

    # An average is a generator's weights: in their place it makes the same images.
    path = Path("run/checkpoints/00000020.safetensors")
    state = checkpoint.load(path)
    Checkpoint(20, state.config, state.arrays | state.averaged()).save(path)
    assert command(f"{generate} swapped.npy").status == 0
    np.testing.assert_array_equal(np.load("swapped.npy"), np.load("averaged.npy"))


def test_averages_that_were_not_kept_are_not_generated_with(command: Command, small_run: Path) -> None:
    command(f"generate --run {small_run} --weights averaged").assert_fails(
        2, "keeps no averaged weights", "leave out --weights", "--ema-decay"
    )
    assert not Path("digits.png").exists()


@pytest.mark.parametrize("kind", settings()["networks"].choices)
def test_a_generator_that_is_kept_alone_generates_and_is_not_trained_further(
    command: Command, kind: str
) -> None:
    assert command(f"{SMALL} --networks {kind} --steps 20 --ema-decay 0.9 --run run").status == 0
    assert command("generate --run run --weights averaged --out whole.npy").status == 0
    path = Path("run/checkpoints/00000020.safetensors")
    state = checkpoint.load(path)
    size = path.stat().st_size
    state.networks_alone(("last", "averaged")).save(path)
    assert path.stat().st_size < size / 4
    assert command("generate --run run --weights averaged --out alone.npy").status == 0
    np.testing.assert_allclose(np.load("alone.npy"), np.load("whole.npy"), atol=3e-3)  # float16: 1e-3
    state.networks_alone(("last",), discriminator=True).save(path)
    assert command("generate --run run --out both.npy").status == 0
    command("train --resume --run run --steps 30").assert_fails(2, "only what generates images", "new run")
    state.networks_alone(("averaged",)).save(path)
    assert command("generate --run run --out alone.npy").status == 0
    command("generate --run run --weights averaged").assert_fails(
        2, "one generator alone was kept", "leave out --weights"
    )
    np.testing.assert_allclose(np.load("alone.npy"), np.load("whole.npy"), atol=3e-3)
    before = files_below(Path("run"))
    command("train --resume --run run --steps 30").assert_fails(
        2, "only what generates images is kept", "new run"
    )
    assert files_below(Path("run")) == before


# Bad input: usage ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ("required", "train | generate")),
        ("tarin", ("tarin",)),
        ("train --learning-rat 1", ("no option --learning-rat",)),
        ("train --bach-size 64", ("no option --bach-size", "did you mean --batch-size?")),
        ("train --batch 64", ("no option --batch",)),
        ("generate --digits 7", ("no option --digits; did you mean --digit?",)),
        ("generate --weight last", ("no option --weight; did you mean --weights?",)),
        ("train --run ~nobody-of-that-name/run", ("no home folder for '~nobody-of-that-name/run'",)),
        ("train --steps", ("--steps", "expected one argument")),
        ("train --steps many", ("--steps", "must be a whole number, not 'many'")),
        ("train --steps 2.5", ("--steps", "must be a whole number")),
        ("train --steps 0", ("--steps must be at least 1 and at most 99999999, not 0",)),
        ("train --steps -3", ("--steps must be at least 1 and at most 99999999, not -3",)),
        ("train --steps 100000000", ("--steps must be", "at most 99999999")),
        ("train 5", ("5 is one word too many",)),
        ("train --epochs 0", ("--epochs must be at least 1",)),
        ("train --batch-size 0", ("--batch-size must be at least 1",)),
        ("train --noise-dim -1", ("--noise-dim must be at least 1",)),
        ("train --lr nan", ("--lr must be above 0 and at most 1, not nan",)),
        ("train --lr 0", ("--lr must be above 0",)),
        ("train --lr fast", ("--lr", "must be a number, not 'fast'")),
        ("train --dropout 1", ("--dropout must be at least 0 and at most 0.99, not 1",)),
        ("train --beta1 -0.5", ("--beta1 must be at least 0",)),
        ("train --dataset mnits", ("--dataset must be one of auto, mnist", "or a folder of images")),
        ("train --dataset .", ("no image in .; put PNG or JPEG files into it",)),
        ("train --seed -1", ("--seed must be at least 0",)),
        (f"{SMALL} --train-limit 1798", ("--train-limit must be at most 1797",)),
        ("train --dataset digits --batch-size 1798", ("--batch-size must be at most 1797",)),
        (f"{SMALL} --train-limit 5", ("--batch-size must be at most 5",)),
        (f"{SMALL} --device warp", ("no --device warp here",)),
        ("train --resume", ("no run in runs/torch yet", "--run", "make train-torch")),
        ("train --resume --run nowhere", ("no run in nowhere", "--run")),
        ("generate --run nowhere", ("no run in nowhere", "--run")),
        ("generate --count 0", ("--count must be at least 1",)),
        ("generate --weights best", ("--weights must be one of last, averaged, not 'best'",)),
        ("train --ema-decay 1", ("--ema-decay must be at least 0 and below 1, not 1",)),
        ("train --update-order generator", ("--update-order must be one of", "generator-first")),
        (
            "train --recipe stylegan",
            ("--recipe must be one of gan, dcgan, lsgan, wgan-gp, cgan, best, not 'stylegan'",),
        ),
        ("train --loss stylegan", (f"--loss must be one of {', '.join(settings()['loss'].choices)}, not",)),
        ("train --critic-steps 5", ("--critic-steps 5 goes with --loss wasserstein alone",)),
        ("train --recipe lsgan --gradient-penalty 1", ("--gradient-penalty 1.0", "not with --loss least")),
        ("train --recipe wgan-gp --gradient-penalty 0", ("--gradient-penalty must be above 0",)),
        ("train --recipe wgan-gp --update-order generator-first", ("does not go with --loss wasserstein",)),
        (f"{SMALL} --recipe wgan-gp --train-limit 39 --epochs 1", ("--epochs 1", "40 images", "are 39")),
        (
            f"{SMALL} --conditional --train-limit 9",
            ("The first 9 images", "classes 9 to learn", "--train-limit"),
        ),
        (
            "generate --out digits.jpg",
            ("--out must end in .png, .npy, or in / for a folder", "not 'digits.jpg'"),
        ),
        ("generate --out digits.gif", ("--interpolate",)),
        ("generate --out nowhere/digits.png", ("no folder nowhere", "--out")),
        ("train --data-dir /dev/null", ("--data-dir /dev/null is not a folder",)),
    ],
)
def test_a_wrong_command_line_is_refused_in_a_sentence(
    command: Command, line: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    command(line).assert_fails(2, *words)
    assert list(tmp_path.iterdir()) == []  # nothing was begun


def test_a_wrong_command_line_is_refused_in_a_shell() -> None:
    """The same as above, once as a process, before PyTorch is imported."""
    line = [sys.executable, "-X", "importtime", "-m", "pytorch_gan", "train", "--lr", "-1"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "error: --lr must be above 0 and at most 1, not -1.0."
    assert not re.search(r"\| +torch$", done.stderr, flags=re.MULTILINE)


# Bad input: run folders ----------------------------------------------------------------------------


def test_a_folder_that_is_not_empty_is_refused(command: Command) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work")
    command(f"{SMALL} --run mine").assert_fails(2, "mine is not empty", "--run", "--resume")
    assert files_below(Path("mine")) == {"thesis.txt": b"years of work"}
    command("train --resume --run mine").assert_fails(2, "no run in mine")


def test_a_folder_that_cannot_be_used_is_named(command: Command) -> None:
    Path("file").write_text("kept")
    command(f"{SMALL} --run file").assert_fails(1, "file cannot be used for a run", "--run")
    command(f"{SMALL} --run file/below").assert_fails(1, "cannot be used for a run")
    assert Path("file").read_text() == "kept"


@not_on_windows
def test_a_place_for_runs_that_leads_nowhere_is_named(command: Command) -> None:
    Path("runs").symlink_to("a/disk/that/is/not/there")
    command(f"{SMALL} --steps 1").assert_fails(1, "runs/torch cannot hold new runs")


def test_folders_without_permission_are_named(
    command: Command, small_run: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(open_folder)
    assert command(f"{SMALL} --steps 1").status == 0  # imports what it takes
    copy = copy_of(small_run)
    before = files_below(copy)
    resume = f"train --resume --run {copy} --steps 30"
    newest = copy / "checkpoints" / "00000025.safetensors"
    with ordinary_user(open_folder):
        Path("locked").mkdir(mode=0o500)
        command(f"{SMALL} --run locked/run").assert_fails(1, "cannot be used for a run (Permission denied)")
        for path, mode, status in (
            (copy, 0o500, 1),
            (copy / "checkpoints", 0o500, 1),
            (copy / "checkpoints", 0o000, 1),
            (copy / "losses.csv", 0o400, 1),
            (copy / "run.json", 0o000, 2),
            (newest, 0o000, 1),
        ):
            allowed = path.stat().st_mode
            path.chmod(mode)
            command(resume).assert_fails(status, "ermission denied")
            path.chmod(allowed)
    after = files_below(copy)
    changed = {name for name in after if after[name] != before.get(name)}
    # Only a folder that cannot take the next checkpoint is found out after the first iterations.
    assert changed <= {".lock", "run.json", "losses.csv", "losses.png", "samples.gif", "samples/00000030.png"}
    assert checkpoint.load(newest).iteration == 25


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 1}', '{"format": 2}'])
def test_a_damaged_record_is_refused(command: Command, content: str) -> None:
    Path("run").mkdir()
    Path("run/run.json").write_text(content)
    for line in ("train --resume --run run", "generate --run run"):
        outcome = command(line)
        outcome.assert_fails(2, "run/run.json")
    assert files_below(Path("run")) == {"run.json": content.encode()}


def test_a_resumed_run_keeps_its_hyper_parameters(command: Command, small_run: Path) -> None:
    copy = copy_of(small_run)
    before = files_below(copy)
    resume = f"train --resume --run {copy} --steps 30"
    command(f"{resume} --lr 0.1 --batch-size 8 --dropout 0.5").assert_fails(
        2, "cannot change --lr 0.0003 to 0.1 and --dropout 0.3 to 0.5"
    )
    command(f"{resume} --dataset mnist").assert_fails(2, "cannot change --dataset digits to mnist")
    command(f"{resume} --ema-decay 0.9 --update-order generator-first").assert_fails(
        2, "cannot change --ema-decay 0.0 to 0.9 and --update-order discriminator-first to generator-first"
    )
    command(f"train --resume --run {copy} --steps 20").assert_fails(2, "25 iterations already")
    assert files_below(copy) == before
    assert command(f"{resume} --lr 0.0003 --dataset auto --batch-size 8").status == 0
    assert len(Run.open(copy).losses()) == 30


def test_a_run_from_before_a_setting_has_its_default(command: Command, small_run: Path) -> None:
    """The order of the updates and the average came later than the first runs."""
    copy = copy_of(small_run)
    newest = copy / "checkpoints" / "00000025.safetensors"
    state, record = checkpoint.load(newest), json.loads((copy / "run.json").read_text())
    for config in (state.config, record["config"]):
        del config["update_order"], config["ema_decay"]
    state.save(newest)
    (copy / "run.json").write_text(json.dumps(record))
    assert command(f"generate --run {copy}").status == 0
    resume = f"train --resume --run {copy} --steps 30"
    command(f"{resume} --ema-decay 0.9").assert_fails(2, "cannot change --ema-decay 0.0 to 0.9")
    assert command(resume).status == 0
    assert Run.open(copy).record["config"] == Run.open(small_run).record["config"] | {"steps": 30}


def save_images(folder: Path, count: int = 12) -> None:
    """Noise in two classes, as a person might have it: in colour, of any size, dark on white."""
    generator = np.random.default_rng(0)
    for number in range(count):
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = generator.integers(0, 256, (20 + number, 30, 3), dtype=np.uint8)
        noise[[0, -1]] = noise[:, [0, -1]] = 255
        Image.fromarray(noise).save(path)


def test_own_images_are_learnt_from_resumed_and_moved(command: Command, tmp_path: Path) -> None:
    save_images(Path("my $_$ images 图"))
    Path("short").symlink_to("my $_$ images 图")  # `command` cuts lines at spaces
    own = SMALL.replace("digits", "short")
    outcome = command(f"{own} --steps 2 --run run")
    assert outcome.status == 0, outcome
    assert "Trained 2 iterations on my $_$ images 图" in outcome.out
    assert "Warning" not in outcome.err and outcome.err.count("Notice: ") == 1
    record = Run.open(Path("run")).record
    assert record["config"]["dataset"] == record["data"]["name"] == str(tmp_path / "my $_$ images 图")
    assert record["data"]["classes"] == ["a", "b"] and record["data"]["images"] == 12

    assert command("train --resume --run run --steps 3").status == 0
    assert command("train --resume --run run --steps 4 --dataset auto").status == 0
    assert command("train --resume --run run --steps 5 --dataset ./short").status == 0
    before = files_below(Path("run"))
    save_images(Path("other"), 13)
    command("train --resume --run run --steps 6 --dataset other").assert_fails(
        1, "not those the run in run began"
    )
    command("train --resume --run run --steps 6 --dataset digits").assert_fails(2, "cannot change --dataset")
    command("train --resume --run run --steps 6 --dataset nowhere").assert_fails(2, "or a folder of images")
    Path("my $_$ images 图").rename("moved")
    command("train --resume --run run --steps 6").assert_fails(
        1, "are not in", "any more; say with --dataset where"
    )
    assert files_below(Path("run")) == before
    assert command("generate --run run --out images.png").status == 0
    assert command("train --resume --run run --steps 6 --dataset moved").status == 0
    assert command("train --resume --run run --steps 7").status == 0  # it knows by now


def test_too_few_images_for_a_batch_are_counted(command: Command) -> None:
    save_images(Path("mine"), 5)
    command(SMALL.replace("digits", "mine")).assert_fails(2, "--batch-size must be at most 5")
    assert not Path("runs").exists()


def test_other_data_is_not_taken_for_that_of_the_run(command: Command, small_run: Path) -> None:
    copy = copy_of(small_run)
    record = json.loads((copy / "run.json").read_text())
    record["data"]["sha256"] = "0" * 64
    (copy / "run.json").write_text(json.dumps(record))
    command(f"train --resume --run {copy} --steps 30").assert_fails(1, "are not those the run")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "is cut short or is not a checkpoint"),
        (lambda path: path.write_text("not a checkpoint"), "is cut short or is not a checkpoint"),
        (
            lambda path: Checkpoint(
                25, {"noise_dim": 5}, checkpoint.initial_arrays(Config(noise_dim=4))
            ).save(path),
            "is of another architecture",
        ),
        (
            lambda path: Checkpoint(
                25,
                Config(noise_dim=5, batch_size=8).as_dict(),
                checkpoint.initial_arrays(Config(noise_dim=5)),
            ).save(path),
            "is not of this run (--noise-dim differs)",
        ),
        (lambda path: path.write_bytes(path.with_name("00000020.safetensors").read_bytes()), "its name"),
    ],
)
def test_a_bad_checkpoint_is_named(
    command: Command, small_run: Path, damage: Callable[[Path], object], words: str
) -> None:
    copy = copy_of(small_run)
    newest = copy / "checkpoints" / "00000025.safetensors"
    damage(newest)
    before = files_below(copy)
    for line in (f"train --resume --run {copy} --steps 30", f"generate --run {copy}"):
        command(line).assert_fails(1, str(newest), words)
    assert files_below(copy) == before

    newest.unlink()  # as the message says
    assert command(f"train --resume --run {copy}").status == 0
    remade, original = checkpoint.load(newest), checkpoint.load(small_run / "checkpoints" / newest.name)
    assert all(np.array_equal(remade.arrays[name], array) for name, array in original.arrays.items())


def test_a_run_whose_checkpoints_are_gone_is_not_begun_again(command: Command, small_run: Path) -> None:
    copy = copy_of(small_run)
    for path in (copy / "checkpoints").iterdir():
        path.unlink()
    before = files_below(copy)
    command(f"train --resume --run {copy} --steps 30").assert_fails(1, "checkpoints", "are gone")
    command(f"generate --run {copy}").assert_fails(2, "has no checkpoint yet")
    assert files_below(copy) == before


def test_what_a_killed_process_left_half_written_is_removed(command: Command, small_run: Path) -> None:
    copy = copy_of(small_run)
    for folder in ("samples", "checkpoints", "."):
        (copy / folder / f"{PARTIAL}00000010.png").write_text("half")
    assert command(f"train --resume --run {copy} --steps 30").status == 0
    assert not list(copy.rglob(f"{PARTIAL}*"))


def test_a_resumed_run_stays_where_it_is_when_latest_moves(command: Command) -> None:
    command(f"{SMALL} --steps 2")
    first = Path("runs/torch/latest").resolve()
    outcome = command("train --resume --steps 3")
    assert f"Watch runs/torch/{first.name}" in outcome.out and "latest" not in outcome.out


def test_damaged_losses_are_refused(command: Command, small_run: Path) -> None:
    copy = copy_of(small_run)
    content = (copy / "losses.csv").read_bytes()
    (copy / "losses.csv").write_bytes(content.replace(b"0.", b"\xff", 1))
    command(f"train --resume --run {copy} --steps 30").assert_fails(1, "losses.csv is damaged")


def test_what_is_missing_of_a_run_is_said_or_made_again(command: Command, small_run: Path) -> None:
    copy = copy_of(small_run)
    for path in (copy / "samples").iterdir():
        path.unlink()
    (copy / "samples").rmdir()
    assert command(f"train --resume --run {copy} --steps 30").status == 0
    assert [path.name for path in (copy / "samples").iterdir()] == ["00000030.png"]
    (copy / "losses.csv").unlink()
    command(f"train --resume --run {copy} --steps 40").assert_fails(
        1, "losses.csv is gone", "start a new run"
    )


def test_losses_that_do_not_go_with_the_checkpoint_are_refused(command: Command, small_run: Path) -> None:
    copy = copy_of(small_run)
    lines = (copy / "losses.csv").read_text().splitlines(keepends=True)
    (copy / "losses.csv").write_text("".join(lines[:20]))
    command(f"train --resume --run {copy} --steps 30").assert_fails(
        1, "losses.csv ends after 19 iterations where the checkpoint has seen 25"
    )


def test_one_run_is_trained_by_one_process(command: Command, small_run: Path) -> None:
    import filelock

    copy = copy_of(small_run)
    with filelock.FileLock(copy / ".lock"):
        command(f"train --resume --run {copy} --steps 30").assert_fails(2, "Another process is training")


def test_a_training_that_diverges_stops_and_keeps_the_last_good_state(
    command: Command, small_run: Path
) -> None:
    copy = copy_of(small_run)
    newest = copy / "checkpoints" / "00000025.safetensors"
    state = checkpoint.load(newest)
    state.arrays["generator.dense2.kernel"] *= np.float32(1e30)
    state.arrays["discriminator.dense3.kernel"] *= np.float32(1e30)
    state.save(newest)
    before = newest.read_bytes()
    command(f"train --resume --run {copy} --steps 40").assert_fails(
        1, "became NaN or infinite at iteration", "state after 25 iterations is kept", "--lr"
    )
    assert newest.read_bytes() == before
    assert command(f"generate --run {copy}").status == 0


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"
        ),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB."),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9223372036 bytes."),
        Exception("{{function_node __wrapped__MatMul}} OOM when allocating tensor with shape[60000,60000]"),
    ],
)
def test_too_little_memory_is_said_in_a_sentence(
    command: Command, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words of Python, PyTorch on a CPU and on a GPU, JAX, and TensorFlow."""

    def generate(*arguments: object) -> None:
        raise error

    monkeypatch.setattr("pytorch_gan.training.generate", generate)
    command(f"{SMALL} --steps 1").assert_fails(1, "Not enough memory", "--batch-size")


def test_other_errors_are_not_hidden(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("pytorch_gan.training.generate")
    with pytest.raises(NameError):
        command(f"{SMALL} --steps 1")


@not_on_windows
def test_a_full_disk_stops_the_training_and_keeps_the_previous_checkpoint(
    command: Command, small_run: Path
) -> None:
    """A limit on the size of files stands in for the full disk."""
    import resource  # which Windows has not

    copy = copy_of(small_run)
    before = files_below(copy / "checkpoints")
    limit, highest = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**7, highest))
    try:
        outcome = command(f"train --resume --run {copy} --steps 40")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, highest))
    outcome.assert_fails(1, "00000030.safetensors cannot be written", "free some space", "untouched")
    assert files_below(copy / "checkpoints") == before
