"""Images on disk: what is read, what is refused, what is downloaded."""

import gzip
import hashlib
import http.server
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from common import mnist
from common.errors import GanError, UsageError
from tests.conftest import ordinary_user, require, skip_or_fail

IDX3, IDX1 = Path("x-idx3-ubyte"), Path("x-idx1-ubyte")


def idx(array: np.ndarray) -> bytes:
    return mnist.idx_header(array) + array.tobytes()


# Parsing -----------------------------------------------------------------------------------------

images_strategy = stn.arrays(np.uint8, stn.array_shapes(min_dims=3, max_dims=3, min_side=0, max_side=6))


@given(images_strategy)
def test_what_is_written_as_idx_is_read_back(array: np.ndarray) -> None:
    np.testing.assert_array_equal(mnist.parse_idx(idx(array), IDX3), array)


@given(images_strategy, st.data())
def test_a_file_cut_short_or_grown_is_refused(array: np.ndarray, data: st.DataObject) -> None:
    content = idx(array)
    shorter = content[: data.draw(st.integers(0, len(content) - 1))]
    longer = content + data.draw(st.binary(min_size=1, max_size=9))
    for damaged in (shorter, longer):
        with pytest.raises(GanError, match="x-idx3-ubyte"):
            mnist.parse_idx(damaged, IDX3)


@given(st.binary(max_size=64))
def test_any_bytes_parse_or_are_refused_in_a_sentence(content: bytes) -> None:
    for path in (IDX3, IDX1):
        try:
            array = mnist.parse_idx(content, path)
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
    images = mnist.load("mnist", tmp_path, train_limit=4)
    np.testing.assert_array_equal(images.pixels, files[mnist.TRAIN_IMAGES].reshape(-1, 784)[:4])
    np.testing.assert_array_equal(images.labels, files[mnist.TRAIN_LABELS][:4])
    assert mnist.load("auto", tmp_path).name == "mnist"
    with pytest.raises(UsageError, match="--train-limit must be at most 6"):
        mnist.load("mnist", tmp_path, train_limit=7)


@pytest.mark.usefixtures("published")
def test_the_keras_cache_is_read(
    files: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    archive = tmp_path / "datasets" / "mnist.npz"
    pixels, labels = files[mnist.TRAIN_IMAGES], files[mnist.TRAIN_LABELS]
    np.savez_compressed(archive, x_train=pixels, y_train=labels)
    images = mnist.load("auto", tmp_path)
    np.testing.assert_array_equal(images.pixels, files[mnist.TRAIN_IMAGES].reshape(-1, 784))

    np.savez_compressed(archive, x_train=pixels ^ 1, y_train=labels)
    with pytest.raises(GanError, match=r"mnist\.npz is not the published MNIST"):
        mnist.load("auto", tmp_path)
    whole = archive.read_bytes()
    for damaged in (whole[:100], whole[:-30], b"", b"no archive"):
        archive.write_bytes(damaged)
        with pytest.raises(GanError, match=r"mnist\.npz is not the MNIST that Keras keeps"):
            mnist.load("auto", tmp_path)


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
            mnist.load(dataset, tmp_path)
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
            mnist.load("mnist", tmp_path)


@pytest.mark.usefixtures("published")
def test_an_unreadable_file_is_named(files: dict[str, np.ndarray], open_folder: Path) -> None:
    raw = open_folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    store(raw, files)
    (raw / f"{mnist.TRAIN_IMAGES}.gz").chmod(0)
    with ordinary_user(open_folder), pytest.raises(GanError, match=r"cannot be read \(Permission denied\)"):
        mnist.load("mnist", open_folder)


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
        content = self.files[name]
        self.send_response(404 if behaviour == "absent" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        if with_body:
            if behaviour == "damaged":
                content = b"x" * len(content)
            if behaviour == "broken":
                content = content[: len(content) // 2]
            self.wfile.write(content)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(files: dict[str, np.ndarray]) -> Iterator[str]:
    handler = type(
        "Handler",
        (Mirror,),
        {"files": {f"{name}.gz": gzip.compress(idx(array), mtime=0) for name, array in files.items()}},
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def use_mirrors(monkeypatch: pytest.MonkeyPatch, published: mnist.Published, *mirrors: str) -> None:
    monkeypatch.setitem(mnist.PUBLISHED, "mnist", replace(published, mirrors=mirrors))


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
        monkeypatch.setattr(mnist, "answering_mirrors", lambda source: list(source.mirrors))
    assert mnist.load("mnist", tmp_path).pixels.shape == (6, 784)
    kept = sorted(path.name for path in (tmp_path / "MNIST" / "raw").iterdir())
    assert kept == sorted(f"{name}.gz" for name in published.gz_sha256)
    said = capsys.readouterr().err
    assert f"Downloading {server}/good/{mnist.TRAIN_IMAGES}.gz" in said and "100%" in said


def test_nothing_damaged_takes_its_place(
    server: str,
    published: mnist.Published,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/damaged/", f"{server}/broken/")
    with pytest.raises(GanError, match="connect to the network, or put train-images"):
        mnist.load("mnist", tmp_path)
    assert list((tmp_path / "MNIST" / "raw").iterdir()) == []


def test_two_runs_may_download_at_once(
    server: str, published: mnist.Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/good/")
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: mnist.load("mnist", tmp_path), range(4)))
    assert len({images.sha256 for images in loaded}) == 1
    assert len(list((tmp_path / "MNIST" / "raw").iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_named(
    server: str,
    published: mnist.Published,
    tmp_path: Path,
    open_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_mirrors(monkeypatch, published, f"{server}/good/")
    mnist.load("mnist", tmp_path)  # imports what it takes
    monkeypatch.setenv("KERAS_HOME", str(open_folder / "no-keras"))
    open_folder.chmod(0o500)
    with ordinary_user(open_folder), pytest.raises(GanError, match=r"cannot be written.*--data-dir"):
        mnist.load("mnist", open_folder)
    assert list(open_folder.iterdir()) == []


def answer_nothing(*args: object, **more: object) -> None:
    """A name look-up where packets are silently dropped."""
    time.sleep(60)
    raise socket.gaierror


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
            monkeypatch.setattr(mnist, "SECONDS_TO_FIND_A_MIRROR", 2)  # the other test waits in full
        use_mirrors(monkeypatch, published, address, address)
        began = time.monotonic()
        images = mnist.load("auto", tmp_path)
        assert time.monotonic() - began < 15
    assert images.title == "scikit-learn digits"
    notices = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Notice: ")]
    assert len(notices) == 1 and "MNIST" in notices[0] and "scikit-learn" in notices[0]


def test_mnist_asked_for_by_name_never_becomes_something_else(
    published: mnist.Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_mirrors(monkeypatch, published, "http://127.0.0.1:9/")  # where nothing listens
    with pytest.raises(GanError, match="none of its mirrors can be reached; connect to the network"):
        mnist.load("mnist", tmp_path)


def test_the_test_set_is_read_like_the_training_set(
    files: dict[str, np.ndarray], raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its own files, and from its own arrays in the Keras cache."""
    names = dict(zip(files, mnist.MNIST_TEST.gz_sha256, strict=True))
    digests = {names[name]: hashlib.sha256(idx(array)).hexdigest() for name, array in files.items()}
    source = replace(mnist.MNIST_TEST, gz_sha256=digests, sha256=digests, mirrors=())
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
    images = mnist.load("digits", Path())
    pixels = images.pixels.reshape(-1, 28, 28)
    assert pixels.shape == (1797, 28, 28) and pixels.dtype == np.uint8
    assert pixels[:, 4:24, 4:24].max() == 255
    border = pixels.copy()
    border[:, 4:24, 4:24] = 0
    assert not border.any()
    assert sorted(set(images.labels)) == list(range(10))


def test_the_real_mnist(mnist_dir: Path) -> None:
    images = mnist.load("mnist", mnist_dir)
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
    source = replace(mnist.PUBLISHED["fashion-mnist"], gz_sha256=digests, mirrors=())
    monkeypatch.setitem(mnist.PUBLISHED, "fashion-mnist", source)
    images = mnist.load("fashion-mnist", tmp_path)
    assert images.title == "Fashion-MNIST" and len(images.pixels) == 6
    labels = folder / f"{mnist.TRAIN_LABELS}.gz"
    labels.write_bytes(gzip.compress(idx(files[mnist.TRAIN_LABELS][::-1].copy())))
    with pytest.raises(GanError, match="not the published Fashion-MNIST"):
        mnist.load("fashion-mnist", tmp_path)


def test_importing_the_data_loads_no_framework() -> None:
    code = "import common.mnist, sys; print({'torch', 'tensorflow', 'keras', 'jax'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
