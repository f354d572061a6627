"""The tutorial: it builds, both languages agree, links lead somewhere, commands run, a browser shows it."""

import importlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

from common.data.mnist import REPOSITORY
from common.engines import ENGINES, FRAMEWORKS
from common.runs.run import RUNS, Run, newest_in
from docs import conf
from tests.conftest import open_page
from tests.frameworks import Player
from tests.mutations import left_out

DOCS = REPOSITORY / "docs"
LANGUAGES = {"en": [], "zh": ["-D", "language=zh_CN"]}  # and the options with which Sphinx builds them
PAGES = sorted(path.stem for path in (DOCS / "en").glob("*.md"))
READMES = sorted([*REPOSITORY.glob("README*.md"), *DOCS.glob("results/README*.md")])
SOURCES = [DOCS / language / f"{page}.md" for language in LANGUAGES for page in PAGES]

# What is on a page -------------------------------------------------------------------------------

MARKDOWN = create_md_parser(MdParserConfig(enable_extensions=set(conf.myst_enable_extensions)), RendererHTML)
FENCES = ("fence", "colon_fence")
WITH_ARGUMENT = ("{figure}", "{image}", "{literalinclude}", "{side-by-side}")  # the same in both languages
IN_WORDS = (":alt:", ":caption:")  # options that are not


def tokens(text: str) -> Iterator[Token]:
    """All there is in Markdown, what is in a line or in a directive included."""
    for token in MARKDOWN.parse(text):
        yield token
        yield from token.children or ()
        if token.type in FENCES and token.info.startswith("{") and "code" not in token.info:
            yield from tokens(token.content)


@cache
def content(path: Path) -> list[Token]:
    """The tokens of a page."""
    return list(tokens(path.read_text(encoding="utf-8")))


def skeleton(path: Path) -> list[str]:
    """All that is the same in every language, in its order; formulas within lines are sorted."""
    bones: list[str] = []
    formulas: list[str] = []
    for token in content(path):
        if token.type == "heading_open":
            bones += [*sorted(formulas), token.tag]
            formulas = []
        elif token.type in FENCES:
            bones.append(bone(token))
        elif token.type in ("math_block", "math_block_label", "amsmath"):
            bones.append(token.content.strip())
        elif token.type == "math_inline":
            formulas.append(token.content)
        elif token.type == "image":
            bones.append(str(token.attrs["src"]))
    return bones + sorted(formulas)


def bone(fence: Token) -> str:
    """A block: a directive without its words, commands and files without comments, other code as it is."""
    name, _, argument = fence.info.partition(" ")
    if name == "sh":
        return "\n".join(commands(fence.content))
    if re.match(r"\w+/  ", fence.content):  # a listing of folders and files
        return re.sub(r"(?<=\S)  .*", "", fence.content)
    if not name.startswith("{"):
        return fence.info + "\n" + fence.content
    options = [line for line in fence.content.splitlines() if line.startswith(":")]
    same = [line for line in options if not line.startswith(IN_WORDS)]
    return "\n".join([name, argument, *same]) if name in WITH_ARGUMENT else name


def closed(command: str) -> bool:
    """Whether all of its quotes are."""
    try:
        shlex.split(command)
    except ValueError:
        return False
    return not command.endswith("\\")


def commands(block: str) -> Iterator[str]:
    """The commands of a shell block without their comments; one can go over several lines."""
    command = ""
    for line in block.splitlines():
        command += line
        comments = (place.start() for place in re.finditer(r"(?<!\S)#", command))
        end = next((start for start in comments if closed(command[:start])), len(command))
        command = command[:end].rstrip() if closed(command[:end]) else command + "\n"
        if command and closed(command):
            yield command
            command = ""
    assert not command, f"this does not end: {command}"


def pictures(path: Path) -> Iterator[Path]:
    """The files that a page shows."""
    for token in content(path):
        if token.type == "image":
            yield (path.parent / str(token.attrs["src"])).resolve()
        elif token.type in FENCES and token.info.startswith(("{figure} ", "{image} ")):
            yield (path.parent / token.info.split()[1]).resolve()


# Both languages ----------------------------------------------------------------------------------


def test_every_page_is_in_both_languages() -> None:
    assert len(PAGES) > 13
    assert sorted(path.stem for path in (DOCS / "zh").glob("*.md")) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_same_sections_code_formulas_and_figures(page: str) -> None:
    english, chinese = (skeleton(DOCS / language / f"{page}.md") for language in LANGUAGES)
    assert english == chinese


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_same_sources(page: str) -> None:
    def sources(path: Path) -> set[str]:
        links = (str(token.attrs["href"]) for token in content(path) if token.type == "link_open")
        return {link for link in links if "://" in link}

    english, chinese = (sources(DOCS / language / f"{page}.md") for language in LANGUAGES)
    assert english == chinese


@pytest.mark.parametrize(("language", "title"), [("en", "Try it"), ("zh", "动手试试")])
def test_every_chapter_ends_with_something_to_try(language: str, title: str) -> None:
    chapters = [DOCS / language / f"{page}.md" for page in PAGES if page[0].isdigit()]
    ends = {path.name: re.findall(r"^## (.+)", path.read_text(encoding="utf-8"), re.M) for path in chapters}
    assert [name for name, sections in ends.items() if sections[-1:] != [title]] == []


def test_the_glossary_has_the_same_terms_in_order() -> None:
    english, chinese = (
        re.findall(r"^(\*\*.+)\n: ", (DOCS / language / "glossary.md").read_text(encoding="utf-8"), re.M)
        for language in LANGUAGES
    )
    assert len(english) >= 40 and english == chinese == sorted(english, key=str.casefold)


# Files -------------------------------------------------------------------------------------------

FOLDERS = ("common", *(engine.package for engine in FRAMEWORKS.values()), "tests", "benchmarks", "docs")
FILE = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./*-]*|[\w-]+\.(?:py|toml|jinja)|Makefile")
PICTURES = (".svg", ".png", ".gif")


@pytest.mark.parametrize("path", [*SOURCES, *READMES], ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_files_named_on_a_page_exist(path: Path) -> None:
    """With a folder from the repository's root; a name alone is that of a file in any folder."""
    files = [
        *REPOSITORY.glob("*"),
        *(file for folder in FOLDERS for file in REPOSITORY.glob(f"{folder}/**/*")),
    ]
    names = {file.name for file in files}
    for token in content(path):
        name = token.content
        if token.type == "code_inline" and FILE.fullmatch(name):
            assert any(REPOSITORY.glob(name)) if "/" in name else name in names, name


def test_pictures_are_kept_here_made_by_a_module_and_shown() -> None:
    """NAME.svg and NAME-part.svg are made by docs/figures/NAME.py, which may draw on what is in NAME/."""
    figures, images, results = (DOCS / name for name in ("figures", "images", "results"))
    shown = {picture for path in (*SOURCES, *READMES) for picture in pictures(path)}
    assert [picture for picture in shown if not picture.is_file()] == []
    assert [picture for picture in shown if not {figures, images, results} & {*picture.parents}] == []
    made = [path for path in figures.iterdir() if path.suffix in PICTURES]
    sources = [path for path in figures.iterdir() if path.is_dir() and path.name != "__pycache__"]
    makers = {re.split("[-.]", path.name)[0] for path in (*made, *sources)}
    assert makers - {path.stem for path in figures.glob("*.py")} == set()
    assert [path for path in (*made, *images.iterdir()) if path not in shown] == []


# What Sphinx makes of it ---------------------------------------------------------------------------


def build(source: Path, out: Path, *options: str) -> str:
    """What Sphinx complains about when it builds pages as `make docs` does; what is good is built anyway."""
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "--fail-on-warning",
        "--keep-going",
        "--quiet",
        "-c",
        str(DOCS),
    ]
    done = subprocess.run(
        [*command, *options, str(source), str(out)], capture_output=True, text=True, check=False
    )
    return done.stderr if done.returncode else ""


class Site(NamedTuple):
    folder: Path
    complaints: dict[str, str]  # language -> what Sphinx says


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    complaints = {
        language: build(DOCS / language, folder / language, *options)
        for language, options in LANGUAGES.items()
    }
    yield Site(folder, complaints)
    parsed.cache_clear()  # hundreds of megabytes


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_build_without_a_warning(site: Site, language: str) -> None:
    assert site.complaints[language] == ""


@pytest.mark.slow
def test_a_renamed_symbol_fails_the_build(tmp_path: Path) -> None:
    packages = [engine.package for engine in FRAMEWORKS.values()]
    folders = [tmp_path / folder for folder in (*packages, "docs/en")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "training.py").write_text("class GAN:\n    def step(self):\n        pass\n")
    (folders[-1] / "index.md").write_text("# Title\n\n```{side-by-side} training.py GAN.step\n```\n")
    assert build(folders[-1], tmp_path / "out") == ""
    (folders[1] / "training.py").write_text("class GAN:\n    def renamed(self):\n        pass\n")
    (folders[-1] / "index.md").touch()
    complaint = build(folders[-1], tmp_path / "out", "--fresh-env")
    assert "'GAN.step' not found" in complaint and "tensorflow_gan/training.py" in complaint


@cache
def parsed(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def anchors(path: Path) -> set[str]:
    return {"", *(str(element["id"]) for element in parsed(path).select("[id]"))}


@pytest.mark.parametrize("language", LANGUAGES)
def test_links_within_the_site_lead_somewhere(site: Site, language: str) -> None:
    broken = []
    for path in (site.folder / language).glob("*.html"):
        for element in parsed(path).select("[href], [src]"):
            link = str(element.get("href") or element.get("src") or "")
            scheme, _, file, _, anchor = urlsplit(unquote(link))
            target = (path.parent / file).resolve() if file else path
            if not scheme and (
                not target.is_file() or (target.suffix == ".html" and anchor not in anchors(target))
            ):
                broken.append(f"{path.name}: {link}")
    assert broken == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_loaded_over_a_network(site: Site, language: str) -> None:
    """Links to read on may lead there."""
    for path in (site.folder / language).glob("*.html"):
        for element in parsed(path).select("[src], link[href]"):
            address = str(element.get("src") or element.get("href"))
            assert not re.match(r"(?!data:)[a-z]+:|//", address), f"{path.name}: {address}"


@pytest.mark.parametrize(("language", "other"), [("en", "zh"), ("zh", "en")])
def test_every_page_links_to_the_other_language(site: Site, language: str, other: str) -> None:
    for page in PAGES:
        (link,) = parsed(site.folder / language / f"{page}.html").select(".other-language a")
        assert link["href"] == f"../{other}/{page}.html"
        assert (site.folder / other / f"{page}.html").is_file()


# Commands ------------------------------------------------------------------------------------------

LONG = (  # what takes minutes, goes on until it is stopped, or is done by other tests
    "benchmarks",
    "common.judge",
    "common.tensorboard",
    "docs.figures",
    "docs.notebooks",
    "docs.play",
    "docs.play.measure",
    "docs.serve",
    "mypy",
    "ruff",
    "sphinx",
    "tests.mutations",
)
STAND_IN = f"""\
#!{sys.executable} -IS
import json, os, sys
program = os.path.basename(sys.argv[0])
with open(os.environ["CALLS"], "a") as calls:
    print(json.dumps([os.environ.get("KERAS_BACKEND", ""), program, *sys.argv[1:]]), file=calls)
"""


class Shell:
    """A copy of the repository in which commands are run as readers type them, but shorter.

    Its .venv has a Python that only writes down how it is called. What it was called for is then
    done here, once: trainings in the players, for 20 iterations of the small digits.
    """

    def __init__(self, folder: Path, players: Callable[[str, str], Player]) -> None:
        self.folder = folder / "repository"
        self.calls = folder / "calls"
        self.players = players
        self.page = self.text = ""
        self.done: set[tuple[str, str]] = set()
        shutil.copytree(REPOSITORY, self.folder, ignore=left_out)
        (self.folder / "docs" / "_site").mkdir()
        programs = self.folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "python").write_text(STAND_IN)
        (programs / "python").chmod(0o755)
        (programs.parent / "created").touch()
        for extra in (
            "torch",
            "tensorflow",
            "keras",
            "jax",
            "tensorboard",
            "compare",
            "export",
            "docs",
            "test",
        ):
            (programs.parent / f"installed-{extra}").touch()
        self.environment = os.environ | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "CALLS": str(self.calls),
            "GAN_DATA_DIR": str(self.folder / "data"),
            "KERAS_BACKEND": "",
            "MAKEFLAGS": "",
            "ARGS": "",
        }
        for command in ("make train-torch", "make train-tf", "make train-keras"):
            self.run(command)  # most pages have commands for the newest run
        (self.folder / "runs").rename(folder / "runs")

    def open(self, page: str) -> None:
        """Forget the runs of another page."""
        if page != self.page:
            self.page, self.text = page, (REPOSITORY / page).read_text(encoding="utf-8")
            shutil.rmtree(self.folder / "runs", ignore_errors=True)
            shutil.copytree(self.calls.with_name("runs"), self.folder / "runs", symlinks=True)

    def run(self, command: str) -> None:
        self.calls.write_text("")
        self.bash(["bash", "-c", command])
        for call in self.calls.read_text().splitlines():
            self.carry_out(*json.loads(call))

    def bash(self, command: list[str]) -> None:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def carry_out(self, keras_backend: str, *call: str) -> None:
        """Do what a program was called for."""
        match call:
            case ["python", "-m", ("pytorch_gan" | "tensorflow_gan" | "keras_gan") as package, *options]:
                backends = ("", keras_backend or "tensorflow")
                (framework,) = (
                    name
                    for name, about in ENGINES.items()
                    if about.package == package and about.keras_backend in backends
                )
                line = self.shortened(package, " ".join(options))
                if "--devices" in line:  # which must be known before a framework computes
                    self.on_several_devices(keras_backend, package, line)
                elif self.is_new(framework, line):
                    player = self.players(framework, "float32")
                    player.executor.submit(os.chdir, self.folder).result()
                    status, _, err = player.command(line)
                    player.executor.submit(os.chdir, REPOSITORY).result()
                    assert status == 0 or err.splitlines()[-1][:30] in self.text, err  # the page shows it
            case ["python", "-m", "docs.figures", *names]:
                assert all((DOCS / "figures" / f"{name}.py").is_file() for name in names)
            case ["python", "-m", module, *_] if module in LONG:
                assert importlib.util.find_spec(module)
            case ["python", "-m", "pytest", *arguments]:
                for path in (argument for argument in arguments if argument.startswith("tests/")):
                    assert (REPOSITORY / path).exists()
            case ["python", *arguments] if self.is_new("", " ".join(arguments)):
                self.bash([sys.executable, *arguments])

    def on_several_devices(self, keras_backend: str, package: str, line: str) -> None:
        """Carry out a training in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", package, *line.split()],
            cwd=self.folder,
            env=self.environment | {"KERAS_BACKEND": keras_backend},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or done.stderr.splitlines()[-1][:30] in self.text, done.stderr

    def is_new(self, framework: str, line: str) -> bool:
        """Whether this was not carried out before, or depends on runs of this page."""
        known = (framework, line) in self.done and "runs/" not in line and "--resume" not in line
        self.done.add((framework, line))
        return not known

    def shortened(self, package: str, line: str) -> str:
        """20 iterations of a training, and an average of the generator for commands that want one."""
        if not line.startswith("train") or "--help" in line:
            return line
        if "--resume" in line:
            engine = importlib.import_module(f"{package}.__main__").FRAMEWORK.engine
            named = re.search(r"--run[ =](\S+)", line)
            folder = self.folder / named[1] if named else newest_in(self.folder / RUNS / engine.short_name)
            assert folder is not None
            run = Run.open(folder)
            return f"{line} --steps {run.record['sessions'][-1]['to_iteration'] + 20}"
        kept = re.sub(r"--(epochs|steps|dataset)[ =]\S+|^train", "", line)
        return " ".join(f"train --dataset digits --steps 20 --ema-decay 0.9 {kept}".split())


@pytest.fixture(scope="module")
def shell(players: Callable[[str, str], Player]) -> Iterator[Shell]:
    with tempfile.TemporaryDirectory() as folder:
        yield Shell(Path(folder), players)


def shown_commands() -> Iterator[tuple[str, str]]:
    """Page and command: each once on a page, in the order in which readers come upon them."""
    for path in [*READMES, *SOURCES]:
        if path.parent.name != "zh" and ".zh-CN" not in path.name:  # which have the same
            blocks = [
                token.content for token in content(path) if token.type == "fence" and token.info == "sh"
            ]
            for command in dict.fromkeys(command for block in blocks for command in commands(block)):
                yield str(path.relative_to(REPOSITORY)), command


@pytest.mark.parametrize(
    ("page", "command"),
    [pytest.param(*shown, id=" ".join(": ".join(shown).split())) for shown in shown_commands()],
)
def test_a_command_runs(shell: Shell, page: str, command: str) -> None:
    """In the state that the page's commands before it left behind."""
    shell.open(page)
    shell.run(command)


def test_readmes_show_the_same_commands() -> None:
    for english in (path for path in READMES if path.name == "README.md"):
        chinese = english.with_name("README.zh-CN.md")
        blocks = [
            [bone(token) for token in content(path) if token.info == "sh"] for path in (english, chinese)
        ]
        assert blocks[0] == blocks[1]


# In a browser --------------------------------------------------------------------------------------

READY = """
    [...document.querySelectorAll(".math")].every(formula => formula.querySelector("mjx-container"))
    && [...document.images].every(image => image.complete)
"""
CHOSEN = "sets => sets.map(set => set.querySelector('input:checked + label').innerText.trim())"


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_can_be_read_without_a_network(site: Site, browser: Any, language: str) -> None:
    """Formulas and pictures appear, and neither a wide screen nor a phone needs sideways scrolling."""
    page, troubles = open_page(browser, 1300)
    for name in PAGES:
        page.set_viewport_size({"width": 1300, "height": 900})
        page.goto((site.folder / language / f"{name}.html").as_uri())
        page.wait_for_function(READY)
        if not page.evaluate("[...document.images].every(image => image.naturalWidth > 0)"):
            troubles.append("a picture is missing")
        for width in (1300, 390):
            page.set_viewport_size({"width": width, "height": 900})
            if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                troubles.append(f"{wide} pixels wide on {width}")
        assert troubles == [], name
    page.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_tabs_follow_the_one_that_is_chosen(site: Site, browser: Any, language: str) -> None:
    page, troubles = open_page(browser, 1300)
    page.goto((site.folder / language / "07-training-step.html").as_uri())
    sets = page.locator(".sd-tab-set:has(label[data-sync-group=framework])")
    assert sets.count() > 1
    for framework in reversed(FRAMEWORKS):
        sets.last.locator("label", has_text=framework).click()
        assert set(sets.evaluate_all(CHOSEN)) == {framework}
    assert troubles == []
    page.close()


@pytest.mark.parametrize(("language", "word"), [("en", "detach"), ("zh", "判别器")])
def test_a_reader_changes_the_language_and_searches(
    site: Site, browser: Any, language: str, word: str
) -> None:
    page, troubles = open_page(browser, 390)
    page.goto((site.folder / language / "glossary.html").as_uri())
    page.locator(".other-language a").click()
    (other,) = LANGUAGES.keys() - {language}
    assert page.url.endswith(f"/{other}/glossary.html")
    page.locator(".other-language a").click()
    assert page.url.endswith(f"/{language}/glossary.html")
    page.goto((site.folder / language / "search.html").as_uri() + f"?q={word}")
    page.wait_for_selector("#search-results li a")
    assert troubles == []
    page.close()
