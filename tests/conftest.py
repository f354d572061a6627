"""What the tests share: where MNIST is, the command line in this process, a browser."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import hypothesis
import numpy as np
import pytest

from common.command_line.framework import Framework
from common.command_line.main import main
from common.data import mnist
from common.engines import ENGINES
from common.machine.streams import notice_once
from pytorch_gan.__main__ import FRAMEWORK as PYTORCH
from tests.frameworks import Player

NOBODY = 65534
LONGEST_FIRST = ("parity", "expected_range", "devices", "resume", "docs", "other_frameworks")  # minutes each
SLOW_FIXTURES = {"players", "browser", "site"}  # which start processes
MOST_PLAYERS = 6  # at once; each takes about a gigabyte
SMALL = "train --dataset digits --batch-size 8 --noise-dim 4 --device cpu"  # takes seconds
MNIST_DIR = mnist.default_data_dir().absolute()  # before any test changes environment or folder
not_on_windows = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no make, or its own permissions, links, limits and signals"
)


def slow(*values: object) -> pytest.ParameterSet:
    """A set of a test's parameters that `make check` leaves out."""
    return pytest.param(*values, marks=pytest.mark.slow)


def skip_or_fail(missing: str, reason: str) -> NoReturn:
    """Skip a test for want of `missing`, or fail it where the environment's GAN_TESTS_EXPECT names that."""
    if missing in os.environ.get("GAN_TESTS_EXPECT", "").split():
        pytest.fail(f"{missing} is expected here, but {reason}")
    pytest.skip(reason, allow_module_level=True)


def require(module: str) -> None:
    """Skip, or fail, the tests that need `module` where it cannot be imported."""
    try:
        importlib.import_module(module)
    except (ImportError, RuntimeError) as error:
        skip_or_fail(module, f"{module} does not import: {error}")


@pytest.fixture(scope="session")
def players() -> Iterator[Callable[[str, str], Player]]:
    """The player of a framework, in float32 or float64; a new one replaces the one not needed for longest."""
    started: dict[tuple[str, str], Player] = {}

    def player(name: str, dtype: str) -> Player:
        require_framework(name)
        wanted = started.pop((name, dtype), None) or Player(name, dtype)
        if len(started) == MOST_PLAYERS:
            started.pop(next(iter(started))).stop()
        started[name, dtype] = wanted
        return wanted

    yield player
    for one in started.values():
        one.stop()


def require_framework(name: str) -> None:
    """Skip, or fail, a test of one of `ENGINES` where it is not installed; nothing is imported here."""
    for module in ENGINES[name].modules:
        if importlib.util.find_spec(module) is None:
            skip_or_fail(module, f"{module} is not installed")


@pytest.fixture(autouse=True)
def no_keras_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a Keras cache on this machine out of the tests."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "no-keras"))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of the tests are on this machine."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(autouse=True)
def nothing_said_yet() -> None:
    """Let notices that are said once be said in each test."""
    notice_once.cache_clear()


hypothesis.settings.register_profile("busy machine", deadline=None)
hypothesis.settings.load_profile("busy machine")


@pytest.fixture
def mnist_dir() -> Path:
    """The data directory that holds the real MNIST."""
    if mnist.missing_files(mnist.PUBLISHED["mnist"], MNIST_DIR / "MNIST" / "raw"):
        skip_or_fail("mnist", f"MNIST is not in {MNIST_DIR}; set GAN_DATA_DIR to where it is")
    return MNIST_DIR


def pytest_configure() -> None:
    """Give each worker of pytest-xdist processors of its own: frameworks that share wait for each other."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and hasattr(os, "sched_setaffinity"):
        processors = sorted(os.sched_getaffinity(0))
        own = processors[int(worker.removeprefix("gw")) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]
        os.sched_setaffinity(0, own or processors)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the workers of pytest-xdist begin with the files that take longest, so that they end together.

    Tests that start frameworks, a browser or Sphinx are slow; what else is says so itself.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        order = {f"test_{name}": number for number, name in enumerate(LONGEST_FIRST)}
        items.sort(key=lambda item: order.get(item.path.stem, len(order)))
    for item in items:
        if SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


class Outcome(NamedTuple):
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    def assert_fails(self, status: int, *words: str) -> None:
        """It ended with one sentence on stderr that has all of `words`."""
        last_line = self.err.splitlines()[-1]
        assert self.status == status, self
        assert last_line.startswith("error: ") and last_line.endswith((".", "?")), self.err
        for word in words:
            assert word in last_line, last_line
        assert "Traceback" not in self.err


Command = Callable[..., Outcome]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run `python -m pytorch_gan ...` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(line: str, framework: Framework = PYTORCH) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            main(framework, line.split())
        said = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), said.out, said.err)

    return run


def as_process(line: str, folder: Path, framework: str = "PyTorch", **environment: str) -> Outcome:
    """Run `python -m <the package of framework> ...` in a process of its own, in `folder`."""
    engine = ENGINES[framework]
    done = subprocess.run(
        [sys.executable, "-m", engine.package, *line.split()],
        env=os.environ
        | {"KERAS_BACKEND": engine.keras_backend, "PYTHONPATH": str(mnist.REPOSITORY)}
        | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def trained(folder: Path, line: str) -> Path:
    """The finished run that `python -m pytorch_gan ...` leaves in `folder`, made in this process."""
    with pytest.raises(SystemExit) as ended:
        main(PYTORCH, [*line.split(), "--run", str(folder)])
    assert not ended.value.code
    return folder


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 25 iterations in PyTorch."""
    line = f"{SMALL} --steps 25 --sample-every 10 --checkpoint-every 10"
    return trained(tmp_path_factory.mktemp("small") / "run", line)


def files_below(folder: Path) -> dict[str, bytes]:
    """Relative path -> content of everything in `folder`."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def copy_of(run: Path, name: str = "copy") -> Path:
    """A copy that a test may change, in the current folder."""
    copy = Path(name)
    for path, content in files_below(run).items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(content)
    return copy


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that `ordinary_user` can reach, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextmanager
def ordinary_user(folder: Path) -> Iterator[None]:
    """Let permissions count, which do not stop root; `folder` and what is in it belong to that user.

    What has to be imported must be by then: Python's own files may be root's alone.
    """
    if sys.platform == "win32":
        pytest.skip("Windows has permissions of its own")
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, -1)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium: Debian's, or another on the path."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        skip_or_fail(
            "chromium", "there is no chromium on the path; install it to look at pages as readers do"
        )
    from playwright.sync_api import sync_playwright

    options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=options)
        yield opened
        opened.close()


def open_page(browser: Any, width: int) -> tuple[Any, list[str]]:
    """A page of this width, and a list that keeps what the console says and what is asked of a network."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="light")
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: troubles.append(request.url) if "http" in request.url[:4] else None)
    return page, troubles


@pytest.fixture
def tiny_images() -> mnist.Images:
    """Ten images of noise."""
    generator = np.random.default_rng(0)
    return mnist.Images(
        name="digits",
        title="noise",
        pixels=generator.integers(0, 256, (10, mnist.PIXELS), dtype=np.uint8),
        labels=np.arange(10, dtype=np.uint8),
        classes=mnist.DIGITS,
    )
