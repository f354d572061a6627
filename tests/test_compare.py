"""`make compare`: the report, in a real browser too, and what it says of runs that cannot be compared."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common import compare, results
from common.checkpoint import Checkpoint, initial_arrays
from common.config import OF_LOSS, Config
from common.data.mnist import PIXELS, REPOSITORY, Images
from common.engines import FRAMEWORKS
from common.errors import GanError, UsageError
from common.networks import networks
from common.objectives import OBJECTIVES
from common.quality import quality
from common.quality.metrics import Quality, Reference
from common.report import comparison, sources
from common.report.comparison import Table
from common.runs import grid
from common.runs.run import Run
from tests.combinations import COMBINATIONS
from tests.conftest import Outcome, not_on_windows, open_page

MakeRun = Callable[..., Path]
Compare = Callable[..., Outcome]

HEADER = OBJECTIVES["non-saturating"].header
QUALITY = Quality(
    parzen_mean=150.0,
    parzen_error=2.0,
    parzen_sigma=0.2,
    classifier_score=9.0,
    frechet_distance=10.0,
    digit_shares=[0.1] * 10,
    digit_distance=0.05,
    confident_share=0.9,
    precision=0.8,
    recall=0.7,
    neighbour_distance=5.0,
)


@pytest.fixture
def make_run(tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch) -> MakeRun:
    """A run of 1,000 iterations, as a training leaves it, with losses of noise."""
    monkeypatch.chdir(tmp_path)

    def make(
        folder: str,
        title: str = "PyTorch",
        images: Images = tiny_images,
        d_loss: float = 1.3,
        checkpoint: bool = True,
        **settings: Any,
    ) -> Path:
        config = Config(steps=1_000, noise_dim=2, **settings)
        run = Run.create(tmp_path / folder, config, images)
        run.record["sessions"].append(
            {
                "framework": title,
                "environment": {"python": "3.11", "cpu": "a processor"},
                "from_iteration": 0,
                "to_iteration": 1_000,
                "seconds": 40.0,
                "peak_memory_mib": 500,
            }
        )
        run.save_record()
        random = np.random.default_rng(config.seed)
        header = run.objective.header
        means = (d_loss, 0.85, 0.6, 0.4, -0.5)[: len(header) - 1]
        values = random.normal(means, 0.1, (1_000, len(means))).clip(-2.9, 2.9)
        rows = [f"{number},{','.join(f'{x:.6f}' for x in row)}" for number, row in enumerate(values)]
        (run.folder / "losses.csv").write_text("\n".join([",".join(header), *rows, ""]))
        for iteration in (0, 250, 500, 750, 1_000):
            columns = config.classes or 4
            pictured = np.full((4 * columns, PIXELS), iteration / 1_000, np.float32)
            picture = grid.image_grid(pictured, title, columns)
            grid.save_picture(picture, run.folder / "samples" / f"{iteration:08}.png")
        if checkpoint:
            arrays = initial_arrays(config)
            _, generator = networks(config)
            if config.ema_decay:
                arrays |= {f"{name}.average": arrays[name] for name in generator.weights}
            state = Checkpoint(1_000, config.as_dict(), arrays).networks_alone(("last", "averaged"))
            state.save(run.folder / "checkpoints" / "00001000.safetensors")
        return run.folder

    return make


@pytest.fixture
def three_runs(make_run: MakeRun) -> list[Path]:
    return [
        make_run("runs/torch/latest", "PyTorch"),
        make_run("runs/tf/latest", "TensorFlow"),
        make_run("runs/keras/latest", "Keras on JAX"),
    ]


@pytest.fixture
def mnist_images(tiny_images: Images) -> Images:
    """What a run takes for MNIST."""
    return replace(tiny_images, name="mnist", title="MNIST")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Compare:
    """Run `python -m common.compare ...` in this process, where there is no MNIST."""

    def run(line: str = "") -> Outcome:
        with pytest.raises(SystemExit) as ended:
            compare.main([*line.split(), "--data-dir", str(tmp_path / "no data")])
        said = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), said.out, said.err)

    return run


REPORT = Path("runs/compare/latest/report.html")


@pytest.mark.usefixtures("three_runs")
def test_the_newest_run_of_each_framework_is_compared(command: Compare) -> None:
    said = command()
    assert said.status == 0 and "Notice: There is no run" not in said.err
    for label in ("PyTorch · seed 0", "TensorFlow · seed 0", "Keras on JAX · seed 0"):
        assert label in said.out and label in REPORT.read_text(encoding="utf-8")
    assert "25.0" in said.out  # iterations/s
    for name in ("losses.png", "samples.png"):
        assert REPORT.with_name(name).stat().st_size > 1_000


def test_a_framework_without_a_run_is_said(make_run: MakeRun, command: Compare) -> None:
    make_run("runs/tf/latest", "TensorFlow")
    said = command()
    assert said.status == 0 and "TensorFlow · seed 0" in said.out
    for name in ("PyTorch", "Keras"):
        assert f"Notice: There is no run of {name} yet; `make train-" in said.err
        assert f"There is no run of {name} yet" in REPORT.read_text(encoding="utf-8")


@pytest.mark.usefixtures("make_run")
def test_without_any_run_it_says_how_to_make_one(command: Compare) -> None:
    command().assert_fails(2, "There is no run in runs", "make train-torch")
    command("--runs nowhere").assert_fails(2, "There is nothing to compare", "There is no run in nowhere")
    assert not Path("runs").exists()


def no_run(folder: Path) -> None:
    shutil.rmtree(folder)


def half_a_record(folder: Path) -> None:
    path = folder / "run.json"
    path.write_bytes(path.read_bytes()[:100])


def newer_format(folder: Path) -> None:
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))


def no_losses(folder: Path) -> None:
    (folder / "losses.csv").unlink()


def only_headings(folder: Path) -> None:
    (folder / "losses.csv").write_text(",".join(HEADER) + "\n")


def no_session(folder: Path) -> None:
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sessions": []}))


def half_a_session(folder: Path) -> None:
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sessions": [{"to_iteration": 1_000}]}))


def half_a_row(folder: Path) -> None:
    (folder / "losses.csv").write_text(",".join(HEADER) + "\n0,1.0,1.0\n")


def unreadable_losses(folder: Path) -> None:
    (folder / "losses.csv").unlink()
    (folder / "losses.csv").mkdir()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (unreadable_losses, "cannot be read (Is a directory)"),
        (no_run, "There is no run in"),
        (half_a_record, "is damaged"),
        (newer_format, "has format 99, and this version reads 1"),
        (no_losses, "has no losses yet"),
        (only_headings, "has no losses yet"),
        (no_session, "has no losses yet"),
        (half_a_session, "is damaged"),
        (half_a_row, "is damaged"),
    ],
)
def test_a_bad_run_is_left_out_with_a_sentence(
    make_run: MakeRun, command: Compare, damage: Callable[[Path], None], sentence: str
) -> None:
    good, bad = make_run("good"), make_run("bad", "TensorFlow")
    damage(bad)
    said = command(f"--runs {bad} {good}")
    notices = [line for line in said.err.splitlines() if "Left out" in line]
    assert said.status == 0 and len(notices) == 1 and sentence in notices[0]
    assert "PyTorch · seed 0" in said.out and "TensorFlow" not in said.out
    assert "Traceback" not in said.err


def test_pictures_that_cannot_be_read_are_left_out(make_run: MakeRun, command: Compare) -> None:
    """The others of the run stay, and so do those of the other run."""
    one, other = make_run("one"), make_run("other", "TensorFlow")
    content = (one / "samples" / "00000250.png").read_bytes()
    (one / "samples" / "00000250.png").write_bytes(content[:80])
    (one / "neighbours.png").mkdir()
    (other / "samples" / "00000000.png").unlink()
    (other / "samples" / "00000000.png").mkdir()
    said = command(f"--runs {one} {other}")
    assert said.status == 0 and "Traceback" not in said.err
    for path in ("one/samples/00000250.png", "other/samples/00000000.png", "one/neighbours.png"):
        assert f"Notice: {path} is left out, it is not a picture" in said.err
    assert REPORT.with_name("samples.png").exists()
    found = re.search(r"images = (\[.*\]);", REPORT.read_text(encoding="utf-8"))
    assert found
    shown = [[image.startswith("data:image/png") for image in images] for images in json.loads(found[1])]
    assert shown == [[True, False, True, True, True], [False, True, True, True, True]]


@not_on_windows
def test_a_run_that_is_named_twice_counts_once(make_run: MakeRun, command: Compare) -> None:
    one, other = make_run("runs/torch/one"), make_run("runs/torch/other", seed=1)
    (one.parent / "latest").symlink_to(other.name)
    said = command(f"--runs {one} {other} {one.parent}/latest {one}")
    assert said.status == 0 and "too narrow" not in said.err
    assert [line.split()[-1] for line in said.out.splitlines() if line.strip().startswith("seeds")] == ["2"]


def test_runs_that_differ_in_nothing_are_not_taken_for_several_draws(
    make_run: MakeRun, command: Compare
) -> None:
    said = command(f"--runs {make_run('one')} {make_run('again')}")
    assert said.status == 0 and "are too narrow" in said.err


def test_runs_without_pictures_in_common_are_compared_all_the_same(
    make_run: MakeRun, command: Compare
) -> None:
    one, other = make_run("one"), make_run("other", "TensorFlow")
    (other / "samples" / "00000250.png").rename(other / "samples" / "00000250 copy.png")
    said = command(f"--runs {one} {other}")
    assert said.status == 0 and REPORT.with_name("samples.png").exists()
    shutil.rmtree(other / "samples")
    said = command(f"--runs {one} {other}")
    assert said.status == 0 and not REPORT.with_name("samples.png").exists()
    assert "no pictures after the same iterations" in REPORT.read_text(encoding="utf-8")


def test_runs_of_other_data_are_not_compared(
    make_run: MakeRun, command: Compare, tiny_images: Images
) -> None:
    others = replace(tiny_images, title="other noise", pixels=255 - tiny_images.pixels)
    said = command(f"--runs {make_run('one')} {make_run('other', images=others)}")
    assert said.status == 0
    assert "learnt from other images (other noise, 10) than the one in" in said.err


def test_the_same_images_may_lie_in_two_folders(
    make_run: MakeRun, command: Compare, tiny_images: Images
) -> None:
    one, other = (
        make_run(name, title, replace(tiny_images, name=f"/{name}", title=name), dataset=f"/{name}")
        for name, title in (("mine", "PyTorch"), ("moved", "TensorFlow"))
    )
    said = command(f"--runs {one} {other}")
    assert said.status == 0 and "Left out" not in said.err and "Not all runs" not in said.err
    assert "the judge knows MNIST alone, and they were learnt from mine" in said.err


def test_runs_with_other_settings_are_compared_and_told_apart(make_run: MakeRun, command: Compare) -> None:
    one, other = make_run("one"), make_run("other", update_order="generator-first", lr=1e-3, ema_decay=0.9)
    said = command(f"--runs {one} {other}")
    assert said.status == 0 and "Not all runs have the same --lr and --update-order" in said.err
    assert "PyTorch · lr 0.001 · generator-first · seed 0" in said.out
    assert "PyTorch · lr 0.0003 · discriminator-first · seed 0" in said.out
    page = REPORT.read_text(encoding="utf-8")
    for name in ("--lr", "--update-order", "--ema-decay"):
        assert f'<tr class="differs"><td>{name}</td>' in page
    assert '<tr class="differs"><td>--beta1</td>' not in page and "<td>--beta1</td>" in page


def tables(out: str) -> list[list[str]]:
    """What was printed: for each table its lines."""
    return [block.splitlines() for block in out.split("\n\n") if "---" in block]


def test_runs_of_different_losses_have_their_losses_apart(make_run: MakeRun, command: Compare) -> None:
    folders = [
        make_run("one", seed=1),
        make_run("two", seed=2),
        make_run("squares", loss="least-squares", d_loss=0.2),
        make_run("critic", loss="wasserstein", **OF_LOSS["wasserstein"]),
        make_run("labels", classes=10),
    ]
    said = command("--runs " + " ".join(map(str, folders)))
    assert said.status == 0
    # What the loss of a run brings along goes without saying.
    assert "Not all runs have the same --loss and --conditional: such" in said.err
    cross_entropy, squares, critic, *means = tables(said.out)
    assert "D loss" in cross_entropy[0] and len(cross_entropy) == 2 + 3
    assert "D loss" in squares[0] and "PyTorch · least-squares · unconditional · seed 0" in squares[2]
    assert "distance" in critic[0] and "penalty varies" in critic[0] and "D loss" not in critic[0]
    assert "PyTorch · non-saturating · conditional · seed 0" in "".join(cross_entropy)
    assert len(means) == 3 and not any("Parzen" in line for table in means for line in table)
    headings = [re.split(r"  +", table[0].strip())[1:] for table in means]
    assert headings == [
        ["PyTorch · non-saturating · unconditional", "PyTorch · non-saturating · conditional"],
        ["PyTorch · least-squares · unconditional"],
        ["PyTorch · wasserstein · unconditional"],
    ]
    assert re.search(r"seeds +2 +1$", means[0][2])
    page = REPORT.read_text(encoding="utf-8")
    assert page.count('<div class="chart">') == 3
    trained = {Run.open(folder).config.loss for folder in folders}
    for loss in OBJECTIVES:
        assert page.count(f"<h3>{loss}</h3>") == 2 * (loss in trained)  # of a table and of a chart
    shown = re.findall(r"<h2>(.*), side by side</h2>", page)
    assert shown == ["training.py", "least_squares.py", "wasserstein.py", "conditional.py"]
    assert "dashed: G loss" in page and "from the same noises, of conditional runs with each label" in page
    with Image.open(REPORT.with_name("losses.png")) as picture:
        assert picture.height == 3 * 770
    widths = []
    for folder in folders:
        with Image.open(folder / "samples" / "00001000.png") as picture:
            widths.append(picture.width)
    with Image.open(REPORT.with_name("samples.png")) as picture:
        assert max(widths) > min(widths) and picture.width == sum(widths)


def test_runs_of_one_loss_have_one_table_and_one_chart(make_run: MakeRun, command: Compare) -> None:
    said = command(f"--runs {make_run('one', seed=1)} {make_run('two', seed=2)}")
    assert len(tables(said.out)) == 2 and "Notice: Not all" not in said.err
    page = REPORT.read_text(encoding="utf-8")
    assert page.count('<div class="chart">') == 1 and "<h3>non" not in page
    assert "Unbroken: the discriminator&#39;s loss and D(x); dotted: the generator&#39;s loss and" in page
    assert "Images from the same 16 noises in runs of the same seed" in page


def test_settings_beside_those_of_a_loss_are_told(make_run: MakeRun) -> None:
    critic = {**OF_LOSS["wasserstein"], "loss": "wasserstein"}
    folders = [make_run("one"), make_run("two", **critic), make_run("three", **{**critic, "lr": 1e-3})]
    assert [entry.group for entry in comparison.compare(folders, Path()).entries] == [
        "PyTorch · lr 0.0003 · non-saturating",
        "PyTorch · lr 0.0003 · wasserstein",
        "PyTorch · lr 0.001 · wasserstein",
    ]


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({"loss": "wasserstein", **OF_LOSS["wasserstein"]}, "--loss wasserstein"),
        ({"loss": "wasserstein", **OF_LOSS["wasserstein"], "lr": 1e-4}, "--lr 0.0001 --loss wasserstein"),
        ({"classes": 10}, "--conditional"),
    ],
)
def test_the_command_that_makes_a_run_again_can_be_typed(
    make_run: MakeRun, settings: dict[str, Any], options: str
) -> None:
    run = Run.open(make_run("run", **settings))
    assert results.command(run) == f'make train-torch ARGS="--steps 1000 --noise-dim 2 {options}"'


# Quality ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_of_conditional_runs_it_is_measured_whether_they_draw_what_they_are_asked_for(
    make_run: MakeRun, command: Compare, mnist_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(samples: np.ndarray, reference: Any, title: str, labels: np.ndarray | None) -> Quality:
        if labels is not None:
            np.testing.assert_array_equal(labels, np.arange(10_000) % 10)
        return replace(QUALITY, obeyed_share=None if labels is None else 0.875)

    def neighbour_error(samples: np.ndarray, labels: np.ndarray, reference: Any) -> float:
        assert samples.shape == (50_000, 784)
        np.testing.assert_array_equal(labels, np.arange(50_000) % 10)
        return 0.125

    reference = Reference(*[mnist_images.pixels] * 2, *[mnist_images.labels] * 2)
    monkeypatch.setattr(comparison, "load_reference", lambda data_dir: reference)
    monkeypatch.setattr(quality, "measure", measure)
    monkeypatch.setattr(quality, "neighbour_error", neighbour_error)
    one, other = make_run("one", images=mnist_images), make_run("other", images=mnist_images, classes=10)
    assert "as asked" not in command(f"--runs {one}").out
    for _ in range(2):  # measured, and kept
        losses, qualities, means = tables(command(f"--runs {one} {other}").out)
        assert qualities[0].split()[-4:] == ["as", "asked", "1-NN", "error"] and "asked" not in losses[0]
        assert qualities[-1].split()[-2:] == ["0.875", "0.125"] and "· conditional" in qualities[-1]
        assert not any("0.875" in line for line in qualities[:-1])
        assert means[-2].split() == ["as", "asked", "0.875"]
        assert means[-1].split()[:2] == ["1-NN", "error"] and means[-1].endswith(" 0.125")


@pytest.mark.slow
def test_images_are_measured_once(
    make_run: MakeRun, command: Compare, mnist_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []

    def measure(samples: np.ndarray, reference: Any, title: str, labels: np.ndarray | None) -> Quality:
        measured.append(title)
        assert samples.shape == (10_000, PIXELS) and labels is None
        return QUALITY

    reference = Reference(*[mnist_images.pixels] * 2, *[mnist_images.labels] * 2)
    monkeypatch.setattr(comparison, "load_reference", lambda data_dir: reference)
    monkeypatch.setattr(quality, "measure", measure)
    folder = make_run("one", images=mnist_images)
    for _ in range(2):
        said = command(f"--runs {folder}")
        assert said.status == 0 and "not measured" not in said.err
        assert "real images" in said.out and "untrained generator" in said.out
    assert measured == ["one, last"]
    assert (folder / "neighbours.png").stat().st_size > 1_000

    record = json.loads((folder / "run.json").read_text())
    record["sessions"][-1]["to_iteration"] = 2_000  # trained for longer since
    (folder / "run.json").write_text(json.dumps(record))
    command(f"--runs {folder}")
    assert len(measured) == 2
    for count, damaged in enumerate(("{", "[]", '{"last": {}}'), start=3):
        (folder / "quality.json").write_text(damaged)
        assert command(f"--runs {folder}").status == 0
        assert len(measured) == count


def test_the_scale_is_of_the_judge_that_is_here() -> None:
    record = json.loads(quality.SCALE.read_text())
    assert quality.header(iteration=0).items() <= record.items(), "measure it anew: python -m common.quality"
    real, untrained = quality.scale().values()
    assert real.recall > 0.8 and untrained.recall == 0


def test_what_cannot_be_measured_is_said(
    make_run: MakeRun, command: Compare, mnist_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = command(f"--runs {make_run('digits')}")
    assert "the judge knows MNIST alone, and they were learnt from noise" in said.err
    assert "real images" not in said.out and said.status == 0

    bare = make_run("bare", images=mnist_images, checkpoint=False)
    monkeypatch.setattr(comparison, "load_reference", lambda data_dir: None)
    said = command(f"--runs {bare}")
    assert said.status == 0 and "it has no checkpoint" in said.err


# Tables -----------------------------------------------------------------------------------------


def cell(table: Table, row: str, column: str) -> str:
    (found,) = (cells for cells in table.rows if cells[0] == row)
    return found[list(table.headings).index(column)]


def test_means_have_students_interval(make_run: MakeRun) -> None:
    found = comparison.compare(
        [make_run(f"{seed}", d_loss=value, seed=seed) for seed, value in enumerate((1.0, 1.2, 1.6))], Path()
    )
    values = [entry.last_losses["d_loss"] for entry in found.entries]
    (table,) = comparison.mean_tables(found)
    assert table.headings == ["mean ± 95% interval", "PyTorch"]  # nothing to compare the group with
    assert cell(table, "seeds", "PyTorch") == "3"
    half_width = 4.302653 * np.std(values, ddof=1) / np.sqrt(3)  # t(0.975, 2)
    assert cell(table, "D loss", "PyTorch") == f"{np.mean(values):.3f} ± {half_width:.3f}"


def test_frameworks_that_differ_by_more_than_seeds_do_are_seen(make_run: MakeRun) -> None:
    def p(**d_losses: list[float]) -> float:
        folders = [
            make_run(f"{title}-{seed}-{value}", title, d_loss=value, seed=seed)
            for title, values in d_losses.items()
            for seed, value in enumerate(values)
        ]
        (table,) = comparison.mean_tables(comparison.compare(folders, Path()))
        return float(cell(table, "D loss", "p"))

    assert p(PyTorch=[1.0, 1.2, 1.6], TensorFlow=[1.1, 1.3, 1.5]) > 0.5
    assert p(PyTorch=[1.05, 1.06, 1.07], TensorFlow=[1.15, 1.16, 1.17]) < 0.01


# Kept results -------------------------------------------------------------------------------------


def test_a_kept_run_is_a_small_run_that_says_the_same(
    make_run: MakeRun, mnist_images: Images, tmp_path: Path
) -> None:
    run = Run.open(make_run("whole", images=mnist_images, dataset="mnist", seed=3, ema_decay=0.9999))
    folder = tmp_path / "kept"
    with pytest.raises(UsageError, match="was not measured"):
        results.keep(run, folder)
    record = quality.header(iteration=1_000) | {"last": asdict(QUALITY)}
    quality.write(record, run.folder / "quality.json")
    results.keep(run, folder)
    kept = Run.open(folder)
    np.testing.assert_allclose(
        kept.losses()["d_loss"], run.losses()["d_loss"].reshape(-1, 100).mean(axis=1), rtol=1e-4
    )
    one, other = comparison.compare([run.folder, folder], tmp_path).entries
    assert one.label == other.label and other.iterations == 1_000 and not kept.checkpoint_paths()
    for measure, value in one.measured[""].items():
        assert other.measured[""][measure] == pytest.approx(value, rel=1e-4), measure
    pictures = sorted(path.name for path in (folder / "samples").iterdir())
    assert pictures == ["00000000.png", "00000250.png", "00001000.png"]
    results.keep(run, tmp_path / "with generator", ("last", "averaged"))
    assert not Run.open(tmp_path / "with generator").newest_checkpoint().can_be_resumed
    assert results.command(kept) == (
        'make train-torch ARGS="--steps 1000 --noise-dim 2 --ema-decay 0.9999 --seed 3 --dataset mnist"'
    )
    with pytest.raises(UsageError, match="exists already"):
        results.keep(run, folder)
    with pytest.raises(UsageError, match="add --generator"):
        results.keep(run, tmp_path / "none", discriminator=True)
    shutil.rmtree(run.folder / "checkpoints")
    with pytest.raises(GanError, match="are gone"):
        results.keep(run, tmp_path / "none", ("last",))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("page", results.PAGES)
def test_the_tables_on_the_pages_are_made_from_the_kept_runs(page: str) -> None:
    path = REPOSITORY / page
    made = results.tables()
    assert any(f"<!-- table: {name} -->" in path.read_text(encoding="utf-8") for name in made)
    assert results.with_tables(path, made) == path.read_text(encoding="utf-8"), (
        "write them anew with `python -m common.results tables`"
    )


# Sources ----------------------------------------------------------------------------------------


def test_the_files_of_what_runs_change_are_those_that_are_shown() -> None:
    step1, conditional = Config(), Config(loss="least-squares", classes=10)
    assert sources.files_behind([step1]) == ["training.py"]
    assert sources.files_behind([conditional, step1]) == ["training.py", "least_squares.py", "conditional.py"]


def test_all_networks_and_losses_but_those_of_step_1_have_a_file_to_show() -> None:
    for config in COMBINATIONS.values():
        changed = (config.networks != Config.networks) + (config.loss != Config.loss) + (config.classes > 0)
        assert len(sources.files_behind([config])) == 1 + changed


@pytest.mark.parametrize(
    "file", ["training.py", "convolutional.py", "least_squares.py", "wasserstein.py", "conditional.py"]
)
def test_the_three_sources_stand_side_by_side_whole(file: str) -> None:
    pieces = sources.side_by_side(file)
    for column, engine in enumerate(FRAMEWORKS.values()):
        lines = [line for texts in pieces.values() for line in texts[column].splitlines() if line.strip()]
        source = (REPOSITORY / engine.package / file).read_text(encoding="utf-8").splitlines()
        assert sorted(lines) == sorted(line for line in source if line.strip())


def test_the_numbered_steps_of_an_iteration_stand_side_by_side() -> None:
    pieces = sources.side_by_side("training.py")
    for name in [f"GAN.discriminator_step, {number}" for number in (1, 2, 3)] + [
        f"GAN.generator_step, {number}" for number in (4, 5, 6)
    ]:
        assert all(f"# {name[-1]}. " in text for text in pieces[name])


# In a browser -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("three_runs")
def test_the_report_works_in_a_browser_without_a_network(command: Compare, browser: Any) -> None:
    command()
    page, troubles = open_page(browser, 1400)
    page.goto(REPORT.resolve().as_uri())

    # The chart is drawn, and hovering reads values.
    page.wait_for_selector(".chart .legendtext")
    assert page.locator(".chart .legendtext").count() == 3
    chart = page.locator(".chart .nsewdrag").first.bounding_box()
    page.mouse.move(chart["x"] + chart["width"] / 2, chart["y"] + chart["height"] / 2)
    page.wait_for_selector(".chart .hoverlayer .legendtext, .chart .hoverlayer .hovertext")
    assert "D loss" in page.locator(".chart .hoverlayer").text_content()

    # The slider shows every run's picture of the same iteration.
    assert page.locator("#iterations").inner_text() == "1,000"
    shown = page.locator("img.sample").evaluate_all("images => images.map(image => image.src)")
    page.locator("#slider").fill("1")
    assert page.locator("#iterations").inner_text() == "250"
    moved = page.locator("img.sample").evaluate_all("images => images.map(image => image.src)")
    assert len(shown) == 3 and all(one != other for one, other in zip(shown, moved, strict=True))
    assert page.locator("img.sample").evaluate_all("images => images.every(image => image.naturalWidth > 0)")

    # Dark is dark, and a phone needs no sideways scrolling.
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) == "rgb(21, 24, 27)"
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert troubles == []
