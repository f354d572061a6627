"""Images on disk: what is read, what is refused, what is downloaded."""

import errno
import gzip
import hashlib
import http.server
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import filelock
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from common.data import datasets, download, mnist
from common.errors import GanError, UsageError
from common.machine.files import PARTIAL
from tests.conftest import ordinary_user, require, skip_or_fail

IDX3, IDX1 = Path("x-idx3-ubyte"), Path("x-idx1-ubyte")


def idx(array: np.ndarray) -> bytes:
    return mnist.idx_header(array) + array.tobytes()


# Parsing -----------------------------------------------------------------------------------------

images_strategy = stn.arrays(np.uint8, stn.array_shapes(min_dims=3, max_dims=3, min_side=0, max_side=6))


@given(images_strategy)
def test_what_is_written_as_idx_is_read_back(array: np.ndarray) -> None:
    np.testing.assert_array_equal(mnist.parse_idx(idx(array), IDX3, 3), array)


@given(images_strategy, st.data())
def test_a_file_cut_short_or_grown_is_refused(array: np.ndarray, data: st.DataObject) -> None:
    content = idx(array)
    shorter = content[: data.draw(st.integers(0, len(content) - 1))]
    longer = content + data.draw(st.binary(min_size=1, max_size=9))
    for damaged in (shorter, longer):
        with pytest.raises(GanError, match="x-idx3-ubyte"):
            mnist.parse_idx(damaged, IDX3, 3)


@given(st.binary(max_size=64))
def test_any_bytes_parse_or_are_refused_in_a_sentence(content: bytes) -> None:
    for path, dimensions in ((IDX3, 3), (IDX1, 1)):
        try:
            array = mnist.parse_idx(content, path, dimensions)
        except GanError as error:
            assert str(error).endswith(".") and path.name in str(error)
        else:
            assert idx(array) == content


@given(stn.arrays(np.uint8, st.integers(0, 40)))
def test_normalise_inverts(pixels: np.ndarray) -> None:
    images = mnist.normalise(pixels)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(np.rint((images + 1) * 127.5), pixels)


def test_normalise_is_to_tensor_and_normalize() -> None:
    require("torch")
    import torch

    levels = np.arange(256, dtype=np.uint8)
    expected = torch.from_numpy(levels).to(torch.float32).div(255).sub_(0.5).div_(0.5)
    np.testing.assert_array_equal(mnist.normalise(levels), expected.numpy())


def test_normalise_is_what_torchvision_does() -> None:
    require("torch")
    from benchmarks.plain_pytorch import torchvision_module

    try:
        transforms = torchvision_module().transforms
    except ImportError as error:
        skip_or_fail("torchvision", f"torchvision does not import: {error}")
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    image = np.arange(784, dtype=np.uint16).astype(np.uint8).reshape(28, 28, 1)
    np.testing.assert_array_equal(mnist.normalise(image.reshape(784)), transform(image).numpy().reshape(784))


# A small published data set, on disk and on a server ---------------------------------------------


@pytest.fixture
def files() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(1)
    return {
        mnist.TRAIN_IMAGES: generator.integers(0, 256, (6, 28, 28), dtype=np.uint8),
        mnist.TRAIN_LABELS: generator.integers(0, 10, 6, dtype=np.uint8),
    }


@pytest.fixture
def published(files: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> mnist.Published:
    """`mnist` stands for the small data set, without a mirror."""
    contents = {name: idx(array) for name, array in files.items()}
    source = replace(
        mnist.PUBLISHED["mnist"],
        images=6,
        mirrors=(),
        sha256={name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
        gz_sha256={
            name: hashlib.sha256(gzip.compress(content, mtime=0)).hexdigest()
            for name, content in contents.items()
        },
    )
    monkeypatch.setitem(mnist.PUBLISHED, "mnist", source)
    return source


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    return folder


def store(raw: Path, files: dict[str, np.ndarray], packed: bool = True) -> None:
    for name, array in files.items():
        if packed:
            (raw / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=0))
        else:
            (raw / name).write_bytes(idx(array))


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("packed", [True, False])
def test_torchvision_files_are_read(
    raw: Path, files: dict[str, np.ndarray], packed: bool, tmp_path: Path
) -> None:
    store(raw, files, packed)
    images = datasets.load("mnist", tmp_path, train_limit=4)
    np.testing.assert_array_equal(images.pixels, files[mnist.TRAIN_IMAGES].reshape(-1, 784)[:4])
    np.testing.assert_array_equal(images.labels, files[mnist.TRAIN_LABELS][:4])
    assert datasets.load("auto", tmp_path).name == "mnist"
    with pytest.raises(UsageError, match="--train-limit must be at most 6"):
        datasets.load("mnist", tmp_path, train_limit=7)


@pytest.mark.usefixtures("published")
def test_the_keras_cache_is_read(
    files: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    archive = tmp_path / "datasets" / "mnist.npz"
    pixels, labels = files[mnist.TRAIN_IMAGES], files[mnist.TRAIN_LABELS]
    np.savez_compressed(archive, x_train=pixels, y_train=labels)
    images = datasets.load("auto", tmp_path)
    np.testing.assert_array_equal(images.pixels, files[mnist.TRAIN_IMAGES].reshape(-1, 784))


WRONG_ARCHIVES = ("another pixel", "cut short", "empty", "no archive", "one array", "no labels", "a folder")


def spoil(archive: Path, kind: str, files: dict[str, np.ndarray]) -> None:
    """Make an `mnist.npz` that is wrong in one way."""
    pixels, labels = files[mnist.TRAIN_IMAGES], files[mnist.TRAIN_LABELS]
    np.savez_compressed(archive, x_train=pixels ^ (kind == "another pixel"), y_train=labels)
    match kind:
        case "cut short":
            archive.write_bytes(archive.read_bytes()[:-30])
        case "empty":
            archive.write_bytes(b"")
        case "no archive":
            archive.write_bytes(b"no archive")
        case "one array":
            with archive.open("wb") as file:
                np.save(file, pixels)
        case "no labels":
            np.savez(archive, x_train=pixels)
        case "a folder":
            archive.unlink()
            archive.mkdir()


@pytest.mark.parametrize("kind", WRONG_ARCHIVES)
def test_a_keras_cache_of_something_else_is_left_out_with_a_notice(
    server: str,
    files: dict[str, np.ndarray],
    published: mnist.Published,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/good/")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    archive = tmp_path / "keras" / "datasets" / "mnist.npz"
    archive.parent.mkdir(parents=True)
    spoil(archive, kind, files)
    assert len(datasets.load("auto", tmp_path / "data").pixels) == 6
    notices = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Notice: ")]
    assert notices == [f"Notice: {archive} is left out: it is not the MNIST that Keras keeps."]


def test_a_keras_cache_that_is_not_ours_to_read_is_left_out(
    server: str,
    published: mnist.Published,
    tmp_path: Path,
    open_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/good/")
    datasets.load("mnist", tmp_path)  # imports what it takes
    monkeypatch.setenv("KERAS_HOME", str(open_folder / "keras"))
    for closed in ("keras/datasets/mnist.npz", "keras/datasets"):
        path = open_folder / closed
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix:
            path.touch()
        path.chmod(0)
        capsys.readouterr()
        with ordinary_user(open_folder):
            assert len(datasets.load("mnist", open_folder / path.stem).pixels) == 6
        assert "mnist.npz is left out: it cannot be read (Permission denied)" in capsys.readouterr().err


@pytest.mark.parametrize("variable", ["HOME", "KERAS_HOME"])
def test_without_a_home_folder_there_is_no_keras_cache(
    server: str,
    published: mnist.Published,
    variable: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/good/")
    if variable == "HOME":  # as for a user of a container that its system does not know
        monkeypatch.delenv("HOME")
        monkeypatch.delenv("KERAS_HOME")
        monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])
    else:
        monkeypatch.setenv("KERAS_HOME", "~nobody-of-that-name/keras")
    assert len(datasets.load("auto", tmp_path).pixels) == 6
    assert "Notice: The Keras cache is left out. There is no home folder" in capsys.readouterr().err


@pytest.mark.usefixtures("published")
def test_the_home_folder_may_stand_in_the_variables(
    raw: Path, files: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GAN_DATA_DIR", "~/data")
    monkeypatch.setenv("KERAS_HOME", "~/.keras")
    assert mnist.default_data_dir() == tmp_path / "data"
    archive = tmp_path / ".keras" / "datasets" / "mnist.npz"
    archive.parent.mkdir(parents=True)
    np.savez(archive, x_train=files[mnist.TRAIN_IMAGES], y_train=files[mnist.TRAIN_LABELS])
    assert len(datasets.load("auto", mnist.default_data_dir()).pixels) == 6


# Where other programs and sites leave them ---------------------------------------------------------


def unpacked_as(images: str, labels: str) -> Callable[[Path, dict[str, np.ndarray]], None]:
    return lambda folder, files: stored_under(folder, files, images, labels, lambda content: content)


def packed_as(images: str, labels: str) -> Callable[[Path, dict[str, np.ndarray]], None]:
    return lambda folder, files: stored_under(folder, files, images, labels, gzip.compress)


def stored_under(
    folder: Path, files: dict[str, np.ndarray], images: str, labels: str, pack: Callable[[bytes], bytes]
) -> None:
    for name, array in zip((images, labels), files.values(), strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(idx(array)))


def as_keras_archive(folder: Path, files: dict[str, np.ndarray]) -> None:
    pixels, labels = files.values()
    np.savez(folder / "mnist (1).npz", x_train=pixels, y_train=labels)


LAYOUTS = {
    "LeCun's names": unpacked_as("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
    "one packed, one not": lambda folder, files: (
        packed_as("train-images-idx3-ubyte.gz", "other")(folder, files),
        unpacked_as("other", "train-labels.idx1-ubyte")(folder, files),
    ),
    "as Kaggle nests them": unpacked_as(
        "train-images.idx3-ubyte/train-images.idx3-ubyte", "train-labels.idx1-ubyte/train-labels.idx1-ubyte"
    ),
    "downloaded twice": packed_as("train-images-idx3-ubyte (1).gz", "train-labels-idx1-ubyte(1).gz"),
    "packed anew": packed_as("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "renamed": unpacked_as("pictures.bin", "digits.bin"),
    "packed, and not called so": packed_as("train-images.idx3-ubyte.gz.download", "l.gz"),
    "the Keras archive": as_keras_archive,
}


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("place", ["", "MNIST", "raw", "MNIST/raw"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_mnist_is_found_by_its_content(
    files: dict[str, np.ndarray], layout: str, place: str, tmp_path: Path
) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train-images.idx3-ubyte.txt").write_text("not it")
    (folder / "tiny.gz").write_bytes(b"x")
    LAYOUTS[layout](folder, files)
    images = datasets.load("auto", tmp_path)
    assert images.name == "mnist"
    np.testing.assert_array_equal(images.pixels, files[mnist.TRAIN_IMAGES].reshape(-1, 784))
    np.testing.assert_array_equal(images.labels, files[mnist.TRAIN_LABELS])


@pytest.mark.usefixtures("published")
def test_the_data_folder_may_be_that_of_the_files(
    raw: Path, files: dict[str, np.ndarray], tmp_path: Path
) -> None:
    store(raw, files)
    for data_dir in (raw, raw.parent, raw.parent.parent):
        assert datasets.load("auto", data_dir).name == "mnist"
        assert not (raw / "MNIST").exists()


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no labels", "holds MNIST/raw/train-images-idx3-ubyte, but of MNIST no whole train-labels-idx1"),
        ("no labels, renamed", "holds pictures.bin, but of MNIST no whole train-labels-idx1-ubyte, and"),
        ("no images", "holds MNIST/raw/train-labels-idx1-ubyte, but of MNIST no whole train-images-idx3"),
        (
            "cut short",
            "holds train-images.idx3-ubyte, train-labels.idx1-ubyte, but of MNIST no whole train-i",
        ),
        ("test set", "holds t10k-labels-idx1-ubyte.gz, but of MNIST no whole train-images-idx3-ubyte and no"),
        ("archive", "holds mnist.npz, but of MNIST no whole"),
        ("empty folder", None),
        ("other files", None),
    ],
)
def test_no_other_data_is_learnt_from_where_a_part_of_mnist_lies(
    raw: Path, files: dict[str, np.ndarray], what: str, said: str | None, tmp_path: Path
) -> None:
    images, labels = (idx(array) for array in files.values())
    match what:
        case "no labels":
            (raw / mnist.TRAIN_IMAGES).write_bytes(images)
        case "no labels, renamed":
            (tmp_path / "pictures.bin").write_bytes(images)
        case "no images":
            (raw / mnist.TRAIN_LABELS).write_bytes(labels)
        case "cut short":
            (tmp_path / "train-images.idx3-ubyte").write_bytes(images[:-1])
            (tmp_path / "train-labels.idx1-ubyte").write_bytes(labels)
        case "test set":
            (tmp_path / f"{mnist.TEST_LABELS}.gz").write_bytes(b"x")
        case "archive":
            (tmp_path / "mnist.npz").write_bytes(b"x")
        case "other files":
            (tmp_path / "images.csv").write_text("x")
            (tmp_path / "FashionMNIST" / "raw").mkdir(parents=True)
            (tmp_path / "FashionMNIST" / "raw" / mnist.TRAIN_IMAGES).write_bytes(images)
    if said is None:
        assert datasets.load("auto", tmp_path).name == "digits"
    else:
        with pytest.raises(GanError) as error:
            datasets.load("auto", tmp_path)
        assert said in str(error.value)


@pytest.mark.usefixtures("published")
def test_a_folder_that_cannot_be_looked_into_is_left_out(
    files: dict[str, np.ndarray], open_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(open_folder, files, packed=False)
    for name, mode in (("raw", 0), ("MNIST", 0o500)):
        (open_folder / name).mkdir(mode)
    with ordinary_user(open_folder):
        assert datasets.load("auto", open_folder).name == "mnist"
        assert "raw is left out: it cannot be read (Permission denied)" in capsys.readouterr().err
        for path in open_folder.glob("*ubyte"):
            path.unlink()
        with pytest.raises(GanError, match="holds raw, but of MNIST no whole train-images"):
            datasets.load("auto", open_folder)


@pytest.mark.usefixtures("published")
def test_a_folder_in_the_place_of_a_file_is_looked_into(
    raw: Path, files: dict[str, np.ndarray], tmp_path: Path
) -> None:
    unpacked_as(f"{mnist.TRAIN_IMAGES}/images", f"{mnist.TRAIN_LABELS}.gz/labels")(raw, files)
    assert datasets.load("auto", tmp_path).name == "mnist"


def test_a_folder_in_the_place_of_a_file_is_not_written_into(
    server: str, published: mnist.Published, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/good/")
    (raw / f"{mnist.TRAIN_LABELS}.gz").mkdir()
    with pytest.raises(GanError, match=r"idx1-ubyte\.gz is a folder, where a file should be; move it away"):
        datasets.load("auto", tmp_path)


def damage(kind: str, content: bytes) -> bytes:
    """A .gz that is wrong in one way."""
    match kind:
        case "not gzip":
            return content
        case "truncated gzip":
            return gzip.compress(content)[:-20]
        case "corrupted gzip":
            packed = bytearray(gzip.compress(content))
            packed[len(packed) // 2] ^= 0xFF
            return bytes(packed)
        case "truncated inside":
            return gzip.compress(content[:-5])
        case "wrong magic":
            return gzip.compress(b"\x00\x00\x0d\x03" + content[4:])
        case "wrong number of dimensions":
            return gzip.compress(content[:3] + bytes([content[3] + 1]) + content[4:])
        case "another pixel":
            return gzip.compress(content[:-1] + bytes([content[-1] ^ 1]))
        case _:
            raise AssertionError(kind)


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("name", [mnist.TRAIN_IMAGES, mnist.TRAIN_LABELS])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("not gzip", "is not a gzip file"),
        ("truncated gzip", "is cut short or damaged"),
        ("corrupted gzip", "is cut short or damaged"),
        ("truncated inside", "bytes but has"),
        ("wrong magic", "magic number"),
        ("wrong number of dimensions", "magic number"),
        ("another pixel", "is not the published MNIST"),
    ],
)
def test_a_damaged_file_is_named_and_left_alone(
    raw: Path, files: dict[str, np.ndarray], name: str, kind: str, words: str, tmp_path: Path
) -> None:
    store(raw, files)
    path = raw / f"{name}.gz"
    path.write_bytes(damage(kind, idx(files[name])))
    before = path.read_bytes()
    for dataset in ("mnist", "auto"):  # a damaged MNIST is no reason for another data set
        with pytest.raises(GanError) as error:
            datasets.load(dataset, tmp_path)
        assert words in str(error.value)
        assert str(path) in str(error.value) and "run again to download" in str(error.value)
    assert path.read_bytes() == before


def test_images_and_labels_must_match(
    raw: Path,
    files: dict[str, np.ndarray],
    published: mnist.Published,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, array, words in (
        (mnist.TRAIN_LABELS, files[mnist.TRAIN_LABELS][:5], "holds 6 images but 5 labels"),
        (mnist.TRAIN_IMAGES, files[mnist.TRAIN_IMAGES][:, :, 1:], "are 28 x 27 pixels"),
    ):
        wrong = files | {name: array}
        store(raw, wrong, packed=False)
        digests = {name: hashlib.sha256(idx(array)).hexdigest() for name, array in wrong.items()}
        monkeypatch.setitem(mnist.PUBLISHED, "mnist", replace(published, sha256=digests))
        with pytest.raises(GanError, match=words):
            datasets.load("mnist", tmp_path)


@pytest.mark.usefixtures("published")
def test_an_unreadable_file_is_named(files: dict[str, np.ndarray], open_folder: Path) -> None:
    raw = open_folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    store(raw, files)
    (raw / f"{mnist.TRAIN_IMAGES}.gz").chmod(0)
    with ordinary_user(open_folder), pytest.raises(GanError, match=r"cannot be read \(Permission denied\)"):
        datasets.load("mnist", open_folder)


# Download ----------------------------------------------------------------------------------------


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves `files`; what comes before the file name in the path says how badly."""

    files: dict[str, bytes]
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        _, behaviour, name = self.path.split("/")
        content = self.files.get(name, b"x" * 1000)
        self.send_response({"absent": 404, "forbidden": 403}.get(behaviour, 200))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        if with_body:
            if behaviour in ("damaged", "portal"):
                content = b"x" * len(content)
            if behaviour == "slow":
                self.wfile.write(content[:-1])
                time.sleep(60)
            if behaviour == "broken":
                content = content[: len(content) // 2]
            self.wfile.write(content)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """Says nothing of clients that go away: by then another test may look at what is said."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def server(files: dict[str, np.ndarray]) -> Iterator[str]:
    handler = type(
        "Handler",
        (Mirror,),
        {"files": {f"{name}.gz": gzip.compress(idx(array), mtime=0) for name, array in files.items()}},
    )
    with Server(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def use_mirrors(monkeypatch: pytest.MonkeyPatch, published: mnist.Published, *mirrors: str) -> None:
    monkeypatch.setitem(mnist.PUBLISHED, "mnist", replace(published, mirrors=mirrors))


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """pooch makes them before it tries again."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


@pytest.mark.usefixtures("without_pauses")
@pytest.mark.parametrize("first", ["good", "absent", "damaged", "broken"])
def test_missing_files_come_from_a_mirror_that_has_them_whole(
    server: str,
    published: mnist.Published,
    first: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/{first}/", f"{server}/good/")
    if first in ("damaged", "broken"):  # asked first, whichever answers first
        monkeypatch.setattr(download, "ask_mirrors", lambda mirrors, file: ([*mirrors], {}))
    assert datasets.load("mnist", tmp_path).pixels.shape == (6, 784)
    kept = {path.name for path in (tmp_path / "MNIST" / "raw").iterdir()}
    assert kept - {".lock"} == {f"{name}.gz" for name in published.gz_sha256}
    said = capsys.readouterr().err
    assert f"Downloading {server}/good/{mnist.TRAIN_IMAGES}.gz" in said and "100%" in said


@pytest.mark.usefixtures("without_pauses")
def test_nothing_damaged_takes_its_place(
    server: str,
    published: mnist.Published,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/damaged/", f"{server}/broken/")
    with pytest.raises(GanError, match=r"gives another file.*; fix that, or put train-images"):
        datasets.load("mnist", tmp_path)
    assert {path.name for path in (tmp_path / "MNIST" / "raw").iterdir()} <= {".lock"}


def test_two_runs_may_download_at_once(
    server: str, published: mnist.Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/good/")
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: datasets.load("mnist", tmp_path), range(4)))
    assert len({images.sha256 for images in loaded}) == 1
    assert len(list((tmp_path / "MNIST" / "raw").glob("*.gz"))) == 2


def test_a_folder_that_cannot_be_written_is_named(
    server: str,
    published: mnist.Published,
    tmp_path: Path,
    open_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/good/")
    datasets.load("mnist", tmp_path)  # imports what it takes
    monkeypatch.setenv("KERAS_HOME", str(open_folder / "no-keras"))
    open_folder.chmod(0o500)
    with ordinary_user(open_folder), pytest.raises(GanError, match=r"cannot be written.*--data-dir"):
        datasets.load("mnist", open_folder)
    assert list(open_folder.iterdir()) == []


def test_a_download_has_the_permissions_of_any_new_file(
    server: str, published: mnist.Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/good/")
    before = os.umask(0o027)
    try:
        datasets.load("mnist", tmp_path)
    finally:
        os.umask(before)
    files = [*(tmp_path / "MNIST" / "raw").glob("*.gz")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o640, 0o640]


def test_what_a_killed_download_left_is_removed_by_the_next(
    server: str, published: mnist.Published, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is killed while it waits for the rest of a file."""
    code = (
        "import sys; from pathlib import Path; from common.data.download import download\n"
        "_, mirror, folder = sys.argv; download('MNIST', [mirror], {'slow': '0' * 64}, Path(folder))"
    )
    line = [sys.executable, "-c", code, f"{server}/slow/", str(raw)]
    with subprocess.Popen(line, cwd=mnist.REPOSITORY, stderr=subprocess.DEVNULL) as process:
        while not [*raw.glob(f"{PARTIAL}*/*")]:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert [*raw.glob(f"{PARTIAL}*")]
    use_mirrors(monkeypatch, published, f"{server}/good/")
    datasets.load("mnist", tmp_path)
    assert {path.name for path in raw.iterdir()} - {".lock"} == {f"{n}.gz" for n in published.gz_sha256}


def test_a_second_download_waits_for_the_first(
    server: str,
    published: mnist.Published,
    raw: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/good/")
    with ThreadPoolExecutor(1) as pool:
        with download.one_at_a_time(raw):
            second = pool.submit(datasets.load, "mnist", tmp_path)
            said = ""
            while "waiting for it" not in said:
                assert not second.done()
                said += capsys.readouterr().err
        assert len(second.result().pixels) == 6
    assert "Downloading" not in said


def test_without_locks_a_download_goes_on(
    server: str, published: mnist.Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/good/")
    for error in (OSError(errno.ENOLCK, "No locks available"), NotImplementedError()):

        def refuse(self: object, error: Exception = error, **options: object) -> None:
            raise error

        monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
        assert len(datasets.load("mnist", tmp_path / type(error).__name__).pixels) == 6


@pytest.mark.usefixtures("without_pauses")
@pytest.mark.parametrize(
    ("address", "environment", "said"),
    [
        ("{server}/absent/", {}, "127.0.0.1:{port}: HTTP status 404, Not Found"),
        ("{server}/forbidden/", {}, "127.0.0.1:{port}: HTTP status 403, Forbidden"),
        ("{server}/portal/", {}, "127.0.0.1:{port}: it gives another file than the published one"),
        ("https://127.0.0.1:{port}/good/", {}, "[SSL: "),
        (
            "https://127.0.0.1:{port}/good/",
            {"REQUESTS_CA_BUNDLE": "/nowhere"},
            "Could not find a suitable TLS CA certificate bundle, invalid path: /nowhere",
        ),
        ("{server}/good/", {"ALL_PROXY": "socks5://127.0.0.1:9"}, "Missing dependencies for SOCKS support"),
        ("{server}/good/", {"HTTP_PROXY": "http://127.0.0.1:9"}, "the proxy: Connection refused"),
        ("{server}/good/", {"HTTP_PROXY": "http://"}, "check proxy URL"),
        ("{server}/good/", {"HTTP_PROXY": "http://a b:c d"}, "Failed to parse"),
        ("http://127.0.0.1:9/", {}, "127.0.0.1:9: Connection refused"),
        (f"http://{'long' * 30}/", {}, "label"),
    ],
)
def test_why_a_download_failed_is_said_once(
    server: str,
    published: mnist.Published,
    address: str,
    environment: dict[str, str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    if "HTTP_PROXY" in environment or "ALL_PROXY" in environment:
        monkeypatch.delenv("NO_PROXY")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.lower(), value)
    port = server.rpartition(":")[2]
    use_mirrors(monkeypatch, published, address.format(server=server, port=port))
    assert datasets.load("auto", tmp_path).name == "digits"
    err = capsys.readouterr().err
    (notice,) = [line for line in err.splitlines() if line.startswith("Notice: ")]
    assert "cannot be downloaded (" in notice and notice.count(said.format(port=port)) == 1
    assert "Traceback" not in err
    with pytest.raises(GanError) as error:
        datasets.load("mnist", tmp_path)
    assert said.format(port=port) in str(error.value) and "--dataset digits" in str(error.value)


def test_without_a_network_that_is_the_reason(
    published: mnist.Published,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def unknown(*args: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    use_mirrors(monkeypatch, published, "http://nowhere.invalid/")
    assert datasets.load("auto", tmp_path).name == "digits"
    assert "nowhere.invalid: Name or service not known (no network?)" in capsys.readouterr().err


def answer_nothing(*args: object, **more: object) -> None:
    """A name look-up where packets are silently dropped."""
    time.sleep(60)
    raise socket.gaierror


@pytest.mark.slow
@pytest.mark.parametrize("silence", ["no answer", "no name"])
def test_a_silent_network_is_noticed_within_15_seconds(
    published: mnist.Published,
    silence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # which accepts, and then says nothing
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        if silence == "no name":
            address = "http://mirror.invalid/"
            monkeypatch.setattr(socket, "getaddrinfo", answer_nothing)
            monkeypatch.setattr(download, "SECONDS_TO_FIND_A_MIRROR", 2)  # the other test waits in full
        use_mirrors(monkeypatch, published, address, address)
        began = time.monotonic()
        images = datasets.load("auto", tmp_path)
        assert time.monotonic() - began < 15
    assert images.title == "scikit-learn digits"
    notices = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Notice: ")]
    assert len(notices) == 1 and "MNIST" in notices[0] and "scikit-learn" in notices[0]


def test_mnist_asked_for_by_name_never_becomes_something_else(
    published: mnist.Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_mirrors(monkeypatch, published, "http://127.0.0.1:9/")  # where nothing listens
    with pytest.raises(GanError, match=r"none of its mirrors gives it \(127.0.0.1:9: Connection refused\)"):
        datasets.load("mnist", tmp_path)


def test_the_test_set_is_read_like_the_training_set(
    files: dict[str, np.ndarray], raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its own files, and from its own arrays in the Keras cache."""
    names = dict(zip(files, mnist.MNIST_TEST.gz_sha256, strict=True))
    digests = {names[name]: hashlib.sha256(idx(array)).hexdigest() for name, array in files.items()}
    source = replace(mnist.MNIST_TEST, images=6, gz_sha256=digests, sha256=digests, mirrors=())
    pixels, labels = files.values()
    with pytest.raises(GanError, match="MNIST's test set is not in"):
        mnist.load_published(source, tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    np.savez(tmp_path / "datasets" / "mnist.npz", x_train=pixels ^ 1, x_test=pixels, y_test=labels)
    np.testing.assert_array_equal(
        mnist.load_published(source, tmp_path).pixels, pixels.reshape(-1, mnist.PIXELS)
    )
    store(raw, {names[name]: array for name, array in files.items()})
    (tmp_path / "datasets" / "mnist.npz").unlink()
    np.testing.assert_array_equal(mnist.load_published(source, tmp_path).labels, labels)


# The real data -----------------------------------------------------------------------------------


def test_the_bundled_digits_have_the_geometry_of_mnist() -> None:
    images = datasets.load("digits", Path())
    pixels = images.pixels.reshape(-1, 28, 28)
    assert pixels.shape == (1797, 28, 28) and pixels.dtype == np.uint8
    assert pixels[:, 4:24, 4:24].max() == 255
    border = pixels.copy()
    border[:, 4:24, 4:24] = 0
    assert not border.any()
    assert sorted(set(images.labels)) == list(range(10))


def test_the_real_mnist(mnist_dir: Path) -> None:
    images = datasets.load("mnist", mnist_dir)
    assert images.pixels.shape == (60_000, 784) and images.labels.shape == (60_000,)
    assert images.labels[:5].tolist() == [5, 0, 4, 1, 9]
    mean = images.pixels.mean() / 255
    assert round(float(mean), 4) == 0.1307  # as the literature has it
    assert images.sha256 == "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"


def test_the_real_test_set(mnist_dir: Path) -> None:
    images = mnist.load_published(mnist.MNIST_TEST, mnist_dir)
    assert images.pixels.shape == (10_000, 784) and images.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_fashion_mnist_is_read_from_its_own_folder(
    files: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On small stand-ins: the real files are on no machine that tests this."""
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    store(folder, files)
    digests = {name: hashlib.sha256((folder / f"{name}.gz").read_bytes()).hexdigest() for name in files}
    source = replace(mnist.PUBLISHED["fashion-mnist"], images=6, gz_sha256=digests, mirrors=())
    monkeypatch.setitem(mnist.PUBLISHED, "fashion-mnist", source)
    images = datasets.load("fashion-mnist", tmp_path)
    assert images.title == "Fashion-MNIST" and len(images.pixels) == 6
    for name in files:
        (folder / f"{name}.gz").rename(tmp_path / f"{name} (1).gz")
    assert datasets.load("fashion-mnist", tmp_path).sha256 == images.sha256
    for name in files:
        (tmp_path / f"{name} (1).gz").rename(folder / f"{name}.gz")
    labels = folder / f"{mnist.TRAIN_LABELS}.gz"
    labels.write_bytes(gzip.compress(idx(files[mnist.TRAIN_LABELS][::-1].copy())))
    with pytest.raises(GanError, match="not the published Fashion-MNIST"):
        datasets.load("fashion-mnist", tmp_path)


def test_importing_the_data_loads_no_framework() -> None:
    code = "import common.data.mnist, sys; print({'torch', 'tensorflow', 'keras', 'jax'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
