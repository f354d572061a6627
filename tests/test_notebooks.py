"""The notebooks are made from the sources as they are, and run from top to bottom, as the package does."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import nbformat
import numpy as np
import pytest

from common.data.mnist import REPOSITORY
from common.engines import FRAMEWORKS
from common.objectives import OBJECTIVES
from common.runs.run import Run
from docs.notebooks import __main__ as notebooks
from tests.conftest import require_framework

STEPS = 10  # float32 parts two correct trainings only later
IMAGES = 4  # real digits, generated ones before and after, the losses

# Appended to a notebook: the package trains as the notebook did, in the same process.
PACKAGE_TRAINS = """
import contextlib
import json
from pathlib import Path

from common.command_line.main import main
from {package}.__main__ import FRAMEWORK

assert {{Discriminator.__module__, Generator.__module__, GAN.__module__}} == {{"__main__"}}
Path("losses.json").write_text(json.dumps(losses))
with contextlib.suppress(SystemExit):
    main(FRAMEWORK, "train --run run --dataset digits --steps {steps}".split())
"""

every_framework = pytest.mark.parametrize("title", FRAMEWORKS)


@every_framework
def test_a_notebook_is_made_from_the_sources_as_they_are(title: str) -> None:
    path = notebooks.path(title)
    kept = notebooks.without_outputs(path)
    assert kept == notebooks.notebook(title), f"{path} is not up to date: run `python -m docs.notebooks`"


@every_framework
def test_a_notebook_shows_what_it_made(title: str) -> None:
    path = notebooks.path(title)
    kept = nbformat.read(path, as_version=4)
    assert images(kept) == IMAGES
    assert path.stat().st_size < 300_000


@every_framework
def test_a_notebook_defines_its_model_itself(title: str) -> None:
    imported = re.findall(rf"from {FRAMEWORKS[title].package}\.(\w+) import", notebooks.notebook(title))
    assert not {"layers", "networks", "exchange", "optimisers", "training"} & set(imported)


def test_a_symbol_must_be_in_one_of_the_frameworks() -> None:
    with pytest.raises(LookupError, match=r"GAN\.paint"):
        notebooks.excerpt("PyTorch", "training.py", {"GAN.train_step", "GAN.paint"}, set())


@pytest.mark.slow
@every_framework
def test_a_notebook_runs_and_its_losses_are_those_of_the_package(
    title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_framework(FRAMEWORKS[title].title)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    source = notebooks.notebook(title)
    for setting, value in (("DATASET", r'\\"digits\\"'), ("STEPS", STEPS)):
        source, count = re.subn(rf'("{setting} = )[^ ]+', rf"\g<1>{value}", source)
        assert count == 1
    notebook = nbformat.reads(source, as_version=4)
    check = PACKAGE_TRAINS.format(package=FRAMEWORKS[title].package, steps=STEPS)
    notebook.cells.append(nbformat.v4.new_code_cell(check))

    made = notebooks.run(nbformat.writes(notebook), tmp_path)

    assert images(made) == IMAGES
    losses = json.loads((tmp_path / "losses.json").read_text())
    _, *names = OBJECTIVES["non-saturating"].header
    found = np.array([[one[name] for name in names] for one in losses])
    expected = Run.open(tmp_path / "run").losses()
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, np.array([expected[name] for name in names]).T, rtol=1e-4)


def images(notebook: Any) -> int:
    """How many pictures it shows."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


class TestInstallCell:
    @pytest.fixture(params=FRAMEWORKS)
    def title(self, request: pytest.FixtureRequest) -> str:
        return request.param

    def pip(self, title: str, address: str) -> Mock:
        """Run the cell with this ADDRESS: what it gave to `%pip`, if anything."""
        cells = json.loads(notebooks.notebook(title))["cells"]
        source = "".join(next(cell for cell in cells if cell["cell_type"] == "code")["source"])
        source, count = re.subn('ADDRESS = ".*"', f'ADDRESS = "{address}"', source)
        assert count == 1
        source, count = re.subn("%pip (.*)", r"pip('\1')", source)
        assert count == 1
        pip = Mock()
        exec(source, {"pip": pip})
        return pip

    def test_does_nothing_where_the_package_is(self, title: str) -> None:
        assert not self.pip(title, "").called

    def test_installs_the_package_with_what_it_needs_where_it_is_not(
        self, title: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        (arguments,) = self.pip(title, "https://example.org/gan").call_args.args
        project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        found = re.fullmatch(rf'install .*"{project["name"]}\[(.*)\] @ git\+{{ADDRESS}}"', arguments)
        assert found
        assert set(found[1].split(",")) <= set(project["optional-dependencies"])

    def test_asks_for_the_address_where_it_is_not_known(
        self, title: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(RuntimeError, match=r"^Set ADDRESS.*\.$"):
            self.pip(title, "")
