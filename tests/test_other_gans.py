"""Other networks and losses, and labels: what a user types, what a run says and leaves, what is refused."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common import checkpoint
from common.checkpoint import Checkpoint
from common.command_line.train import with_recipe
from common.config import OF_LOSS, RECIPES, Config
from common.objectives import OBJECTIVES
from common.runs.run import Run
from tests.conftest import SMALL, Command, copy_of, files_below, require, trained
from tests.test_command_line import save_images

require("torch")

HEIGHT = 3 * 30  # of a row in a picture
FRAME = 3 * 2  # around them


@pytest.fixture(scope="module")
def conditional_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 10 iterations in PyTorch that knows the ten digits."""
    return trained(tmp_path_factory.mktemp("conditional") / "run", f"{SMALL} --conditional --steps 10")


def picture_size(path: Path) -> tuple[int, int]:
    """Of the images in a picture: rows, and columns or what the caption is wider."""
    with Image.open(path) as picture:
        return (picture.height - FRAME) // HEIGHT, (picture.width - FRAME) // HEIGHT


# Recipes -------------------------------------------------------------------------------------------


def test_what_is_given_beside_a_recipe_wins() -> None:
    assert with_recipe({"seed": 1}) == {"seed": 1}
    assert with_recipe({"recipe": "wgan-gp", "lr": 1e-3}) == {
        **OF_LOSS["wasserstein"],
        "loss": "wasserstein",
        "lr": 1e-3,
    }
    # What belongs to a loss that is not taken is not asked for either.
    assert with_recipe({"recipe": "wgan-gp", "loss": "least-squares"}) == {"loss": "least-squares"}
    assert "critic_steps" not in with_recipe({"recipe": "best", "loss": "least-squares"})
    assert with_recipe({"recipe": "cgan", "loss": "wasserstein"}) == {
        **OF_LOSS["wasserstein"],
        "loss": "wasserstein",
        "conditional": True,
        "ema_decay": 0.999,
    }


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_trains_and_its_run_holds_the_settings_themselves(command: Command, recipe: str) -> None:
    outcome = command(f"{SMALL} --recipe {recipe} --steps 2 --run run")
    assert outcome.status == 0, outcome
    run, wanted = Run.open(Path("run")), dict(RECIPES[recipe])
    assert run.config.classes == (10 if wanted.pop("conditional", False) else 0)
    wanted = {**OF_LOSS[wanted.get("loss", "non-saturating")], **wanted}
    assert {name: getattr(run.config, name) for name in wanted} == wanted
    assert command("train --resume --run run --steps 3").status == 0
    assert command(f"train --resume --run run --steps 4 --recipe {recipe}").status == 0


# What a run reports --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "shown", "chart"),
    [
        ("non-saturating", r"D \S+, G \S+", "both losses, D(x) and D(G(z))"),
        ("least-squares", r"D \S+, G \S+", "both losses, D(x) and D(G(z))"),
        ("wasserstein", r"W \S+, penalty \S+", "distance and penalty, D(x), D(G(z)) and G loss"),
    ],
)
def test_what_a_run_says_fits_its_loss(command: Command, loss: str, shown: str, chart: str) -> None:
    outcome = command(f"{SMALL} --loss {loss} --steps 3 --run run")
    assert re.search(rf"last 3 losses {shown}\.\n", outcome.out), outcome.out
    assert f"losses.png   {chart}\n" in outcome.out
    assert Path("run/losses.csv").read_text().splitlines()[0] == ",".join(OBJECTIVES[loss].header)
    assert np.isfinite(np.array(Run.open(Path("run")).losses().tolist())).all()


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_the_names_of_a_panel_are_those_of_its_columns(objective: Any) -> None:
    for panel in objective.panels:
        assert panel.title == "both losses" or all(one.title in panel.title for one in panel.columns)


def test_a_conditional_training_shows_every_class_and_says_what_to_ask_for(command: Command) -> None:
    outcome = command(f"{SMALL} --recipe cgan --steps 2 --run run")
    assert picture_size(Path("run/samples/00000002.png")) == (4, 10)
    next_command = re.search(r"Next  \S+ -m pytorch_gan (generate .* --digit all .*)", outcome.out)
    assert next_command and command(next_command[1]).status == 0
    assert picture_size(Path("digits.png")) == (8, 10)


# Generate ------------------------------------------------------------------------------------------


def test_a_digit_is_drawn_alone_or_all_in_columns(command: Command, conditional_run: Path) -> None:
    generate = f"generate --run {conditional_run} --device cpu"
    for line, size, said in (
        ("", (8, 10), "80 images after"),
        ("--digit all", (8, 10), "80 images after"),
        ("--digit all --count 23", (3, 10), "23 images after"),
        ("--digit 7", (8, 8), "64 images of 7 after"),
        ("--digit 7 --count 9", (3, 3), "9 images of 7 after"),
        ("--digit 7 --count 5 --interpolate", (1, 5), "5 images of 7 after"),
    ):
        outcome = command(f"{generate} {line}")
        assert outcome.status == 0 and f"Wrote digits.png: {said}" in outcome.out, (line, outcome)
        assert picture_size(Path("digits.png")) == size, line


def test_whatever_it_goes_to_a_digit_is_the_same(command: Command, conditional_run: Path) -> None:
    generate = f"generate --run {conditional_run} --device cpu --count 20"
    assert command(f"{generate} --out all.npy").status == 0
    assert command(f"{generate} --digit 7 --out sevens.npy").status == 0
    images, sevens = np.load("all.npy"), np.load("sevens.npy")
    assert images.shape == sevens.shape == (20, 784) and images.dtype == np.float32
    same = np.isclose(images, sevens, atol=1e-6).all(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(same), [7, 17])  # from the same noises
    assert command(f"{generate} --digit 7 --out sevens/").status == 0
    assert len([*Path("sevens").iterdir()]) == 20
    assert command(f"{generate} --digit 7 --interpolate --out sevens.gif").status == 0
    with Image.open("sevens.gif") as film:
        assert getattr(film, "n_frames", 1) == 20


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--digit 11", ("--digit must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, or all, not '11'",)),
        ("--digit seven", ("--digit must be one of 0,", "not 'seven'")),
        ("--interpolate", ("--interpolate takes one class", "--digit")),
        ("--interpolate --digit all", ("--interpolate takes one class", "--digit")),
    ],
)
def test_a_digit_that_there_is_not_is_refused(
    command: Command, conditional_run: Path, line: str, words: tuple[str, ...]
) -> None:
    command(f"generate --run {conditional_run} {line}").assert_fails(2, *words)
    assert not Path("digits.png").exists()


def test_a_run_without_labels_says_what_to_train(command: Command) -> None:
    assert command(f"{SMALL} --steps 1 --run run").status == 0
    for digit in ("7", "all"):
        command(f"generate --run run --digit {digit}").assert_fails(
            2, "trained without labels", f"--digit {digit}", "train a new run with --conditional"
        )
    assert not Path("digits.png").exists()


# Own images ----------------------------------------------------------------------------------------


def test_own_images_are_asked_for_by_the_names_of_their_folders(command: Command) -> None:
    save_images(Path("mine"))
    own = SMALL.replace("digits", "mine")
    assert command(f"{own} --conditional --steps 2 --run run").status == 0
    assert picture_size(Path("run/samples/00000002.png"))[0] == 4
    assert "64 images of b after" in command("generate --run run --digit b").out
    command("generate --run run --digit cat").assert_fails(2, "--digit must be one of a, b, or all", "'cat'")

    before = files_below(Path("run"))
    resume = "train --resume --run run --steps 3"
    Path("mine/a").rename("mine/aa")  # the images are still in the same order
    command(resume).assert_fails(1, "their classes are not", "(a, b)", "start a new run")
    Path("mine/aa").rename("mine/a")
    last = sorted(Path("mine/a").iterdir())[-1]
    last.rename("mine/b/0.png")  # and so they are after this
    command(resume).assert_fails(1, "their classes are not", "(a, b)")
    Path("mine/b/0.png").rename(last)
    Path("mine").rename("theirs")
    for number, path in enumerate(sorted(Path("theirs").rglob("*.png"))):
        Path("mine").mkdir(exist_ok=True)
        shutil.copy(path, Path("mine", f"{number:02}.png"))  # now without any class
    command(resume).assert_fails(1, "their classes are not", "(a, b)")
    assert files_below(Path("run")) == before
    assert command(f"{resume} --dataset theirs").status == 0


def test_a_run_without_labels_does_not_mind_new_names_of_folders(command: Command) -> None:
    save_images(Path("mine"))
    assert command(f"{SMALL.replace('digits', 'mine')} --steps 2 --run run").status == 0
    Path("mine/a").rename("mine/aa")
    assert command("train --resume --run run --steps 3").status == 0


def test_images_without_labels_are_refused(command: Command) -> None:
    save_images(Path("mine"))
    own = f"{SMALL.replace('digits', 'mine')} --conditional"
    Path("mine/a/0.png").rename("mine/0.png")
    command(own).assert_fails(2, "in no folder", "--conditional")
    command(SMALL.replace("digits", "mine/b") + " --batch-size 2 --recipe cgan").assert_fails(
        2, "have no labels", "--conditional", "a folder for each class"
    )
    Path("mine/0.png").rename("mine/a/0.png")
    command(f"{own} --batch-size 2 --train-limit 6").assert_fails(2, "classes b to", "--train-limit")
    assert not Path("runs").exists()


# Resume, and damage --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--no-conditional", "cannot change --conditional to --no-conditional;"),
        ("--recipe gan", "cannot change --conditional to --no-conditional;"),
        ("--loss least-squares", "cannot change --loss non-saturating to least-squares;"),
        ("--networks convolutional", "cannot change --networks dense to convolutional;"),
        (
            "--recipe wgan-gp",
            "cannot change --critic-steps 1 to 5 and --gradient-penalty 0.0 to 10.0 and --dropout 0.3 to 0.0",
        ),
        ("--critic-steps 2", "cannot change --critic-steps 1 to 2;"),
    ],
)
def test_a_resumed_run_keeps_networks_loss_and_labels(
    command: Command, conditional_run: Path, line: str, words: str
) -> None:
    copy = copy_of(conditional_run)
    before = files_below(copy)
    command(f"train --resume --run {copy} --steps 12 {line}").assert_fails(2, words)
    assert files_below(copy) == before


def test_a_run_without_labels_gets_none_when_it_is_resumed(command: Command) -> None:
    assert command(f"{SMALL} --steps 1 --run run").status == 0
    resume = "train --resume --run run --steps 2"
    command(f"{resume} --conditional").assert_fails(2, "cannot change --no-conditional to --conditional;")
    command(f"{resume} --recipe cgan").assert_fails(
        2, "--no-conditional to --conditional and --ema-decay 0.0"
    )
    assert command(f"{resume} --no-conditional").status == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"networks": "convolutional"}, "(--networks differs)"),
        ({"loss": "least-squares"}, "(--loss differs)"),
        (
            {"loss": "wasserstein", "critic_steps": 2, "gradient_penalty": 1.0},
            "(--loss, --critic-steps, --gr",
        ),
        ({"classes": 0}, "(--conditional differs)"),
    ],
)
def test_a_checkpoint_of_another_gan_is_named(
    command: Command, conditional_run: Path, settings: dict[str, Any], words: str
) -> None:
    copy = copy_of(conditional_run)
    newest = copy / "checkpoints" / "00000010.safetensors"
    config = Run.open(copy).record["config"] | settings
    Checkpoint(10, config, checkpoint.initial_arrays(Config(**config))).save(newest)
    before = files_below(copy)
    for line in (f"train --resume --run {copy} --steps 12", f"generate --run {copy}"):
        command(line).assert_fails(1, str(newest), "is not of this run", words)
    assert files_below(copy) == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: record["data"].pop("classes"),
        lambda record: record["data"]["classes"].pop(),
        lambda record: record["data"].update(classes="0123456789"),
        lambda record: record["data"].update(classes=[*range(10)]),
        lambda record: record["config"].update(classes=3),
        lambda record: record["config"].update(classes=-10),
        lambda record: record["config"].update(classes="10"),
        lambda record: record["config"].update(classes=10.0),
        lambda record: record["config"].update(loss="stylegan"),
        lambda record: record["config"].update(networks="recurrent"),
        lambda record: record["config"].update(critic_steps=5),
    ],
)
def test_a_damaged_record_is_refused(command: Command, conditional_run: Path, damage: Any) -> None:
    copy = copy_of(conditional_run)
    record = json.loads((copy / "run.json").read_text())
    damage(record)
    (copy / "run.json").write_text(json.dumps(record))
    before = files_below(copy)
    for line in (f"train --resume --run {copy} --steps 12", f"generate --run {copy}"):
        command(line).assert_fails(2, "run.json is damaged")
    assert files_below(copy) == before
