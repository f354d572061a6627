"""Images on disk -> uint8 (N, 784): find them, download them, verify them.

MNIST (LeCun, Cortes, Burges) and Fashion-MNIST (Xiao, Rasul, Vollgraf, arXiv:1708.07747) come in the
files that torchvision keeps, `<data>/MNIST/raw/train-images-idx3-ubyte[.gz]` and so on, or for MNIST
in the Keras cache `mnist.npz`. The digits of scikit-learn need no download at all.
"""

import gzip
import hashlib
import logging
import os
import queue
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from common.errors import GanError, UsageError, reason

IMAGE_SIZE = 28  # pixels, in height and in width
PIXELS = IMAGE_SIZE * IMAGE_SIZE
REPOSITORY = Path(__file__).parent.parent
TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
SECONDS_TO_FIND_A_MIRROR = 8
SECONDS_WITHOUT_A_BYTE = 10  # before a download counts as broken


@dataclass(frozen=True)
class Images:
    """A data set to learn from."""

    name: str  # as in --dataset
    title: str  # for people
    pixels: np.ndarray  # uint8 (N, 784), 0 is black
    labels: np.ndarray  # uint8 (N,), 0 to 9

    @property
    def sha256(self) -> str:
        """Of the pixels: two runs with the same digest learnt from the same images."""
        return hashlib.sha256(self.pixels.tobytes()).hexdigest()


def normalise(pixels: np.ndarray) -> np.ndarray:
    """uint8 in [0, 255] -> float32 in [-1, 1], the range of the generator's tanh.

    Bit for bit what torchvision's `ToTensor` (divide by 255) and `Normalize(0.5, 0.5)` give.
    """
    images = pixels.astype(np.float32)
    images /= 255
    images -= 0.5
    images /= 0.5
    return images


def default_data_dir() -> Path:
    """The environment's `GAN_DATA_DIR`, else `data/` in the repository."""
    return Path(os.environ.get("GAN_DATA_DIR") or REPOSITORY / "data")


def load(dataset: str, data_dir: Path, train_limit: int | None = None) -> Images:
    """The training images of `dataset`, downloaded into `data_dir` if they are nowhere yet.

    Args:
        dataset: auto, mnist, fashion-mnist or digits; auto falls back from mnist to digits, and says so.
        train_limit: keep only the first so many images.

    Raises:
        GanError: the files are damaged, cannot be read, or cannot be had.
        UsageError: `data_dir` is a file, or `train_limit` more than there is.
    """
    if data_dir.exists() and not data_dir.is_dir():
        raise UsageError(f"--data-dir {data_dir} is not a folder; name the one that has MNIST/raw in it.")
    if dataset == "digits":
        images = scikit_learn_digits()
    elif dataset == "auto":
        try:
            images = load_published(PUBLISHED["mnist"], data_dir)
        except NoMirrorError:
            print(
                f"Notice: MNIST is not in {data_dir} and cannot be downloaded (no network?), so this run "
                "learns from the 1,797 smaller digits that come with scikit-learn.",
                file=sys.stderr,
            )
            images = scikit_learn_digits()
    else:
        images = load_published(PUBLISHED[dataset], data_dir)
    available = len(images.pixels)
    if train_limit is not None and train_limit > available:
        raise UsageError(
            f"--train-limit must be at most {available}, the images in {images.title}, not {train_limit}."
        )
    return replace(images, pixels=images.pixels[:train_limit], labels=images.labels[:train_limit])


def scikit_learn_digits() -> Images:
    """1,797 real handwritten digits, 8x8, brought to MNIST's geometry: 20x20 in the middle of 28x28.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.
    """
    from PIL import Image
    from sklearn.datasets import load_digits

    small = load_digits()
    pixels = np.zeros((len(small.images), IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    for canvas, digit in zip(pixels, small.images, strict=True):
        grey = Image.fromarray(np.rint(digit * (255 / 16)).astype(np.uint8))
        canvas[4:24, 4:24] = np.asarray(grey.resize((20, 20), Image.Resampling.BICUBIC))
    return Images(
        name="digits",
        title="scikit-learn digits",
        pixels=pixels.reshape(-1, PIXELS),
        labels=small.target.astype(np.uint8),
    )


# The published data sets ------------------------------------------------------------------------


class NoMirrorError(GanError):
    """The files are not on this machine, and no mirror gives them."""


@dataclass(frozen=True)
class Published:
    """Images and labels in two IDX files of the MNIST database, and how to know them."""

    name: str
    title: str
    folder: str  # below the data directory, as torchvision names it
    mirrors: tuple[str, ...]
    gz_sha256: Mapping[str, str]  # name of the images' file, then of the labels' -> of the published .gz
    sha256: Mapping[str, str] = field(default_factory=dict)  # the same names -> of the unpacked file
    keras_keys: tuple[str, str] = ("x_train", "y_train")  # in mnist.npz


PUBLISHED = {
    "mnist": Published(
        name="mnist",
        title="MNIST",
        folder="MNIST",
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        gz_sha256={
            TRAIN_IMAGES: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            TRAIN_LABELS: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        },
        sha256={
            TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        },
    ),
    # Its publishers give digests of the .gz files only, so only those are read.
    "fashion-mnist": Published(
        name="fashion-mnist",
        title="Fashion-MNIST",
        folder="FashionMNIST",
        mirrors=(
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        gz_sha256={
            TRAIN_IMAGES: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            TRAIN_LABELS: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        },
    ),
}

MNIST_TEST = replace(
    PUBLISHED["mnist"],
    title="MNIST's test set",
    gz_sha256={
        TEST_IMAGES: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        TEST_LABELS: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    sha256={
        TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    keras_keys=("x_test", "y_test"),
)


def load_published(source: Published, data_dir: Path) -> Images:
    """Read `source` from `data_dir`, else from the Keras cache, else download it into `data_dir`.

    Raises:
        GanError: the files are damaged, cannot be read, or cannot be had.
    """
    folder = data_dir / source.folder / "raw"
    if missing_files(source, folder):
        archive = keras_cache() / f"{source.name}.npz"
        if source.sha256 and archive.exists():
            return read_keras_archive(source, archive)
        download(source, folder)
    pixels, labels = (read_idx_file(source, folder, name) for name in source.gz_sha256)
    return checked_images(source, pixels, labels, folder)


def checked_images(source: Published, pixels: np.ndarray, labels: np.ndarray, where: Path) -> Images:
    """Raise `GanError` unless there is a label for every image of 28 x 28 pixels."""
    if pixels.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE):
        size = " x ".join(map(str, pixels.shape[1:]))
        raise GanError(f"The images in {where} are {size} pixels, not 28 x 28; {GET_A_GOOD_COPY}.")
    if len(pixels) != len(labels):
        raise GanError(f"{where} holds {len(pixels)} images but {len(labels)} labels; {GET_A_GOOD_COPY}.")
    return Images(source.name, source.title, pixels.reshape(-1, PIXELS), labels)


GZIP_MAGIC = b"\x1f\x8b"
GET_A_GOOD_COPY = "move it away and run again to download a good copy"


def stored_as(source: Published, folder: Path, name: str) -> Path | None:
    """Where the file `name` lies, unpacked or packed, in a form that can be verified."""
    unpacked, packed = folder / name, folder / f"{name}.gz"
    if name in source.sha256 and unpacked.exists():
        return unpacked
    return packed if packed.exists() else None


def missing_files(source: Published, folder: Path) -> list[str]:
    """The names of the files of `source` that are not in `folder`."""
    return [name for name in source.gz_sha256 if stored_as(source, folder, name) is None]


def read_idx_file(source: Published, folder: Path, name: str) -> np.ndarray:
    """The verified content of one IDX file of `source`.

    Raises:
        GanError: it cannot be read, is not what it should be, or has another SHA-256.
    """
    path = stored_as(source, folder, name)
    assert path is not None, "missing files were downloaded"
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise GanError(f"{path} cannot be read ({reason(error)}); check its permissions.") from None
    content = gunzip(stored, path) if path.suffix == ".gz" else stored
    array = parse_idx(content, path)
    verify(source, name, content, stored, path)
    return array


def gunzip(packed: bytes, path: Path) -> bytes:
    """Unpack the content of `path`; raise `GanError` if it is not gzip or not whole."""
    if not packed.startswith(GZIP_MAGIC):
        raise GanError(f"{path} is not a gzip file; {GET_A_GOOD_COPY}.")
    try:
        return gzip.decompress(packed)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise GanError(f"{path} is cut short or damaged; {GET_A_GOOD_COPY}.") from None


def parse_idx(content: bytes, path: Path) -> np.ndarray:
    """The array in an IDX file of unsigned bytes: a magic number, the shape, the data.

    The magic number is 0, 0, the element type (8: unsigned byte), the number of dimensions; each
    dimension follows as 4 bytes, most significant first.

    Raises:
        GanError: `content` is anything else; `path` is named in the message.
    """
    dimensions = content[3] if len(content) > 3 else 0
    expected = 3 if "idx3" in path.name else 1
    if content[:3] != b"\x00\x00\x08" or dimensions != expected:
        raise GanError(f"{path} does not start with the magic number of MNIST's files; {GET_A_GOOD_COPY}.")
    start = 4 + 4 * dimensions
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    size = int(np.prod(shape, dtype=object))
    if len(content) != start + size:
        raise GanError(f"{path} should have {start + size} bytes but has {len(content)}; {GET_A_GOOD_COPY}.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def verify(source: Published, name: str, content: bytes, stored: bytes, path: Path) -> None:
    """Compare the SHA-256 of the unpacked file, or where only that is published, of the .gz."""
    if name in source.sha256:
        digest, published = hashlib.sha256(content).hexdigest(), source.sha256[name]
    else:
        digest, published = hashlib.sha256(stored).hexdigest(), source.gz_sha256[name]
    if digest != published:
        raise GanError(
            f"{path} is not the published {source.title} (its SHA-256 starts {digest[:12]}, "
            f"not {published[:12]}); {GET_A_GOOD_COPY}."
        )


def keras_cache() -> Path:
    """Where `keras.datasets` keeps its downloads."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"


def read_keras_archive(source: Published, archive: Path) -> Images:
    """Read `mnist.npz` as `keras.datasets.mnist.load_data` leaves it, verified as the IDX files are.

    Raises:
        GanError: it cannot be read, or holds something else.
    """
    try:
        with np.load(archive, allow_pickle=False) as arrays:
            pixels, labels = (arrays[key] for key in source.keras_keys)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        raise GanError(f"{archive} is not the MNIST that Keras keeps there; {GET_A_GOOD_COPY}.") from None
    for name, array in zip(source.gz_sha256, (pixels, labels), strict=True):
        content = idx_header(array) + array.tobytes()
        verify(source, name, content, content, archive)
    return checked_images(source, pixels, labels, archive)


def idx_header(array: np.ndarray) -> bytes:
    """What stands before the data in an IDX file; see `parse_idx`."""
    magic = bytes([0, 0, 8, array.ndim])
    return magic + b"".join(length.to_bytes(4, "big") for length in array.shape)


# Download ---------------------------------------------------------------------------------------


def download(source: Published, folder: Path) -> None:
    """Fetch the missing files of `source` into `folder`, each verified before it takes its place.

    pooch writes to a temporary file, compares the SHA-256, moves it into place and retries; so two
    runs that download at once each put the same whole file there.

    Raises:
        NoMirrorError: no mirror answered, or none gave the files.
        GanError: `folder` cannot be written.
    """
    import pooch
    import requests

    print(f"Looking for {source.title}: it is not in {folder} yet.", file=sys.stderr)
    pooch.get_logger().setLevel(logging.WARNING)
    registry = {f"{name}.gz": f"sha256:{digest}" for name, digest in source.gz_sha256.items()}
    fetch_with = pooch.HTTPDownloader(progressbar=True, timeout=SECONDS_WITHOUT_A_BYTE, chunk_size=1 << 16)
    try:
        for mirror in answering_mirrors(source):
            files = pooch.create(folder, mirror, registry=registry, retry_if_failed=2)
            try:
                for name in missing_files(source, folder):
                    print(f"Downloading {mirror}{name}.gz", file=sys.stderr)
                    files.fetch(f"{name}.gz", downloader=fetch_with)
                return
            except (requests.RequestException, ValueError) as error:
                print(f"That mirror failed: {error}", file=sys.stderr)
    except OSError as error:
        raise GanError(
            f"{folder} cannot be written ({reason(error)}); choose another folder with --data-dir."
        ) from None
    raise NoMirrorError(
        f"{source.title} is not in {folder}, and none of its mirrors can be reached; connect to the "
        f"network, or put {' and '.join(registry)} into that folder, or use --dataset digits."
    )


def answering_mirrors(source: Published) -> list[str]:
    """The mirrors that answer within `SECONDS_TO_FIND_A_MIRROR`, the fastest first.

    They are asked side by side in daemon threads: where packets are silently dropped, a name look-up
    alone can block for longer than anyone wants to wait, and nothing can interrupt it.
    """
    import requests

    _, labels_file = source.gz_sha256
    answers: queue.Queue[str | None] = queue.Queue()

    def ask(mirror: str) -> None:
        try:
            url = f"{mirror}{labels_file}.gz"
            reply = requests.head(url, timeout=SECONDS_TO_FIND_A_MIRROR, allow_redirects=True)
            answers.put(mirror if reply.ok else None)
        except requests.RequestException:
            answers.put(None)

    for mirror in source.mirrors:
        threading.Thread(target=ask, args=(mirror,), daemon=True).start()
    found: list[str] = []
    deadline = time.monotonic() + SECONDS_TO_FIND_A_MIRROR
    for _ in source.mirrors:
        try:
            answer = answers.get(timeout=max(0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if answer is not None:
            found.append(answer)
            deadline = min(deadline, time.monotonic() + 1)  # the others get one second more
    return found
