"""`python -m docs.play.measure SITE`: how fast the page "play" is on this machine, in headless Chromium.

SITE is what `make docs` built, docs/_site. Megabytes that the page loads, digits that its discriminator
judges rightly, pictures a second that each generator draws, iterations a second of each size in which it
trains, and tensors that a training leaves behind; with --picture also what it draws after three minutes.
"""

import base64
import platform
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from common.command_line.program import Parser, carry_out
from common.errors import GanError
from common.machine.files import user_path

SECONDS = 10  # of each measurement
ROUNDS = 50  # of the quiz
MINUTES = 3  # of the training


def measure(site: Path, picture: Path | None) -> None:
    """Print what is measured.

    Raises:
        GanError: there is no such page, or no Chromium.
    """
    path = site / "en" / "play.html"
    if not path.is_file():
        raise GanError(f"There is no {path}; `make docs` builds it in docs/_site.")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise GanError("There is no chromium on the path; install it.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        loaded: set[str] = set()
        page.on("request", lambda request: loaded.add(request.url.partition("?")[0]))
        page.goto(path.resolve().as_uri())
        page.wait_for_selector("[data-drawn]", timeout=120_000)
        engine = page.locator("[data-part=train] .play-says").text_content()
        print(f"{platform.processor() or platform.machine()}, Chromium {browser.version}. {engine}")
        print(f"loaded at first: {megabytes(loaded):.1f} MB")
        judge(page)
        print(f"and when every part is used: {megabytes(loaded):.1f} MB")
        draw(page, loaded)
        for size in ("quarter", "full"):
            train(page, size, SECONDS)
        if picture:
            train(page, "quarter", 60 * MINUTES)
            content = page.evaluate("document.querySelector('.play-train canvas').toDataURL().split(',')[1]")
            picture.write_bytes(base64.b64decode(content))
        browser.close()


def megabytes(addresses: set[str]) -> float:
    """The size of the files among `addresses`."""
    return sum(Path(one.removeprefix("file://")).stat().st_size for one in addresses if "/play/" in one) / 1e6


def judge(page: Any) -> None:
    """Let the discriminator judge sixteen digits several times."""
    part = page.locator("[data-part=quiz]")
    for _ in range(ROUNDS):
        part.locator(".play-group button").click()
        page.wait_for_selector(".play-quiz:not([hidden]) :not(.play-right, .play-wrong)", timeout=120_000)
        part.locator(".play-group button").click()
    print(part.locator(".play-says").text_content())


def draw(page: Any, loaded: set[str]) -> None:
    """Let each generator play its film."""
    part = page.locator("[data-part=draw]")
    film = part.locator(".play-group").nth(1).locator("button").nth(1)
    count = "Number(document.querySelector('[data-drawn]').dataset.drawn)"
    for option in part.locator("select").first.locator("option").all():
        before, heavy = page.evaluate(count), megabytes(loaded)
        part.locator("select").first.select_option(option.get_attribute("value"))
        page.wait_for_function(f"{count} > {before}", timeout=120_000)
        film.click()
        rate = per_second(page, count, SECONDS)
        film.click()
        print(
            f"{option.text_content()}: {rate:.0f} pictures a second, {megabytes(loaded) - heavy:.1f} MB more"
        )


def train(page: Any, size: str, seconds: float) -> None:
    """Train with networks of this size."""
    part = page.locator("[data-part=train]")
    part.locator("select").nth(1).select_option(size)
    play, one, _ = part.locator("button").all()
    count = "Number(document.querySelector('[data-part=train] output').textContent.match(/[0-9]+/)[0])"
    one.click()
    page.wait_for_function(f"{count} == 1", timeout=120_000)
    tensors = page.evaluate("play.tf.memory().numTensors")
    play.click()
    rate = per_second(page, count, seconds)
    play.click()
    page.wait_for_timeout(5_000)
    more = page.evaluate("play.tf.memory().numTensors") - tensors
    print(f"{size}: {rate:.1f} iterations a second, {page.evaluate(count)} in all, {more} tensors more")


def per_second(page: Any, count: str, seconds: float) -> float:
    """How fast what `count` counts grows."""
    page.wait_for_timeout(1_000)
    before, started = page.evaluate(count), time.perf_counter()
    page.wait_for_timeout(1_000 * seconds)
    return (page.evaluate(count) - before) / (time.perf_counter() - started)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Carry out the command line and exit."""

    def command() -> int:
        parser = Parser(prog="python -m docs.play.measure", description='Measure the page "play".')
        parser.add_argument("site", metavar="SITE", type=user_path, help="what `make docs` built: docs/_site")
        parser.add_argument("--picture", metavar="PNG", type=user_path, help="train for three minutes too")
        options = parser.parse_args(arguments)
        measure(options.site, options.picture)
        return 0

    carry_out(command)


if __name__ == "__main__":
    main()
