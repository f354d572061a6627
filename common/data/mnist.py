"""Published images on disk -> uint8 (N, 784): find them, have them downloaded, verify them.

MNIST (LeCun, Cortes, Burges) and Fashion-MNIST (Xiao, Rasul, Vollgraf, arXiv:1708.07747) come in the
files that torchvision keeps, `<data>/MNIST/raw/train-images-idx3-ubyte[.gz]` and so on, or for MNIST
in the Keras cache `mnist.npz`. The digits of scikit-learn need no download at all.
"""

import gzip
import hashlib
import json
import os
import re
import sys
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from common.data.download import NoMirrorError, download
from common.errors import GanError, UsageError, reason
from common.machine.files import user_path

IMAGE_SIZE = 28  # pixels, in height and in width
PIXELS = IMAGE_SIZE * IMAGE_SIZE
DIGITS = tuple("0123456789")
REPOSITORY = Path(__file__).parents[2]
TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
# However a file of MNIST's was renamed on its way here, and what Keras makes of all four
FILE_OF_MNIST = re.compile(r"(train|t10k).(images|labels).idx[13].ubyte|^mnist\b.*\.npz$", re.IGNORECASE)


@dataclass(frozen=True)
class Images:
    """A data set to learn from."""

    name: str  # as in --dataset
    title: str  # for people
    pixels: np.ndarray  # uint8 (N, 784), 0 is black
    labels: np.ndarray  # integers (N,), positions in `classes`
    classes: tuple[str, ...] = ()  # names of the labels; none where the images have no labels

    @property
    def sha256(self) -> str:
        """Of the pixels: two runs with the same digest learnt from the same images."""
        return hashlib.sha256(self.pixels.tobytes()).hexdigest()

    @property
    def labels_sha256(self) -> str:
        """Of classes and labels: two conditional runs with the same digests were told the same."""
        return hashlib.sha256(json.dumps([self.classes, self.labels.tolist()]).encode()).hexdigest()


def normalise(pixels: np.ndarray) -> np.ndarray:
    """uint8 in [0, 255] -> float32 in [-1, 1], the range of the generator's tanh.

    Bit for bit what torchvision's `ToTensor` (divide by 255) and `Normalize(0.5, 0.5)` give.
    """
    images = pixels.astype(np.float32)
    images /= 255
    images -= 0.5
    images /= 0.5
    return images


def data_dir_option(data_dir: Path) -> list[str]:
    """What to add to a command so that it finds `data_dir`, whatever GAN_DATA_DIR says where it is typed."""
    return [] if data_dir.absolute() == REPOSITORY / "data" else ["--data-dir", str(data_dir)]


def default_data_dir() -> Path:
    """The environment's `GAN_DATA_DIR`, else `data/` in the repository.

    Raises:
        UsageError: the variable names a home folder that nobody knows.
    """
    return user_path(os.environ.get("GAN_DATA_DIR") or str(REPOSITORY / "data"))


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
        classes=DIGITS,
    )


# The published data sets ------------------------------------------------------------------------


@dataclass(frozen=True)
class Published:
    """Images and labels in two IDX files of the MNIST database, and how to know them."""

    name: str
    title: str
    folder: str  # below the data directory, as torchvision names it
    classes: tuple[str, ...]  # names of the labels
    images: int
    mirrors: tuple[str, ...]
    gz_sha256: Mapping[str, str]  # name of the images' file, then of the labels' -> of the published .gz
    sha256: Mapping[str, str] = field(default_factory=dict)  # the same names -> of the unpacked file
    keras_keys: tuple[str, str] = ("x_train", "y_train")  # in mnist.npz


PUBLISHED = {
    "mnist": Published(
        name="mnist",
        title="MNIST",
        folder="MNIST",
        classes=DIGITS,
        images=60_000,
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
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        images=60_000,
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
    images=10_000,
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
        NoMirrorError: nothing of MNIST is in `data_dir`, and `source` cannot be downloaded.
        GanError: the files are damaged, cannot be read, or are there in part and cannot be had.
    """
    folder = data_dir / source.folder / "raw"
    if missing := missing_files(source, folder):
        near = files_near(source, data_dir)
        found = find_idx_files(source, near)
        if len(found) == len(source.gz_sha256):
            return read_idx_files(source, found, data_dir)
        if (images := from_keras_archives(source, near)) is not None:
            return images
        try:
            files = {f"{name}.gz": source.gz_sha256[name] for name in missing}
            download(source.title, source.mirrors, files, folder)
        except NoMirrorError as error:
            there = [
                path
                for path in near
                if FILE_OF_MNIST.search(path.name) or path in found.values() or not path.is_file()
            ]
            if not there:
                raise
            lacking = [name for name in source.gz_sha256 if name not in found]
            raise GanError(
                f"{data_dir} holds {', '.join(str(path.relative_to(data_dir)) for path in there)}, but of "
                f"{source.title} no whole {' and no whole '.join(lacking)}, and no mirror gives it "
                f"({error.why}); put it there, or use --dataset digits."
            ) from None
    return read_idx_files(
        source, {name: stored_as(source, folder, name) or folder / name for name in source.gz_sha256}, folder
    )


def read_idx_files(source: Published, paths: Mapping[str, Path], where: Path) -> Images:
    """The verified images and labels of `source` in two files; `where` is for people."""
    pixels, labels = (read_idx_file(source, paths[name], name) for name in source.gz_sha256)
    return checked_images(source, pixels, labels, where)


def checked_images(source: Published, pixels: np.ndarray, labels: np.ndarray, where: Path) -> Images:
    """Raise `GanError` unless there is a label for every image of 28 x 28 pixels."""
    if pixels.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE):
        size = " x ".join(map(str, pixels.shape[1:]))
        raise GanError(f"The images in {where} are {size} pixels, not 28 x 28; {GET_A_GOOD_COPY}.")
    if len(pixels) != len(labels):
        raise GanError(f"{where} holds {len(pixels)} images but {len(labels)} labels; {GET_A_GOOD_COPY}.")
    return Images(source.name, source.title, pixels.reshape(-1, PIXELS), labels, source.classes)


GZIP_MAGIC = b"\x1f\x8b"
GET_A_GOOD_COPY = "move it away and run again to download a good copy"


def stored_as(source: Published, folder: Path, name: str) -> Path | None:
    """Where the file `name` lies, unpacked or packed, in a form that can be verified."""
    unpacked, packed = folder / name, folder / f"{name}.gz"
    if name in source.sha256 and unpacked.is_file():
        return unpacked
    return packed if packed.is_file() else None


def missing_files(source: Published, folder: Path) -> list[str]:
    """The names of the files of `source` that are not in `folder`."""
    return [name for name in source.gz_sha256 if stored_as(source, folder, name) is None]


def read_idx_file(source: Published, path: Path, name: str) -> np.ndarray:
    """The verified content of the IDX file `name` of `source`, which lies in `path`.

    Raises:
        GanError: it cannot be read, is not what it should be, or has another SHA-256.
    """
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise GanError(f"{path} cannot be read ({reason(error)}); check its permissions.") from None
    packed = path.suffix == ".gz" or stored.startswith(GZIP_MAGIC)
    content = gunzip(stored, path) if packed else stored
    array = parse_idx(content, path, dimensions=3 if "idx3" in name else 1)
    digest, published = digests(source, name, content, stored)
    if digest != published:
        raise GanError(
            f"{path} is not the published {source.title} (its SHA-256 starts {digest[:12]}, "
            f"not {published[:12]}); {GET_A_GOOD_COPY}."
        )
    return array


def gunzip(packed: bytes, path: Path) -> bytes:
    """Unpack the content of `path`; raise `GanError` if it is not gzip or not whole."""
    if not packed.startswith(GZIP_MAGIC):
        raise GanError(f"{path} is not a gzip file; {GET_A_GOOD_COPY}.")
    try:
        return gzip.decompress(packed)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise GanError(f"{path} is cut short or damaged; {GET_A_GOOD_COPY}.") from None


def parse_idx(content: bytes, path: Path, dimensions: int) -> np.ndarray:
    """The array in an IDX file of unsigned bytes: a magic number, the shape, the data.

    The magic number is 0, 0, the element type (8: unsigned byte), the number of dimensions; each
    dimension follows as 4 bytes, most significant first.

    Raises:
        GanError: `content` is anything else; `path` is named in the message.
    """
    if content[:4] != bytes([0, 0, 8, dimensions]):
        raise GanError(f"{path} does not start with the magic number of MNIST's files; {GET_A_GOOD_COPY}.")
    start = 4 + 4 * dimensions
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    size = int(np.prod(shape, dtype=object))
    if len(content) != start + size:
        raise GanError(f"{path} should have {start + size} bytes but has {len(content)}; {GET_A_GOOD_COPY}.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def digests(source: Published, name: str, content: bytes, stored: bytes) -> tuple[str, str]:
    """The SHA-256 found and the one published: of the unpacked file, or where there is none, of the .gz."""
    if name in source.sha256:
        return hashlib.sha256(content).hexdigest(), source.sha256[name]
    return hashlib.sha256(stored).hexdigest(), source.gz_sha256[name]


# Where torchvision does not keep them -----------------------------------------------------------


def files_near(source: Published, data_dir: Path) -> list[Path]:
    """The files in the folders where people put a data set, and in those that have the name of one file.

    Of these folders those that cannot be read are given themselves.
    """
    folders = [data_dir / source.folder / "raw", data_dir / source.folder, data_dir / "raw", data_dir]
    files: list[Path] = []
    for folder in folders:  # which grows by folders like train-images.idx3-ubyte
        try:
            for path in sorted(folder.iterdir()):
                if path.is_file():
                    files.append(path)
                elif FILE_OF_MNIST.search(path.name):
                    folders.append(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            print(f"Notice: {folder} is left out: it cannot be read ({reason(error)}).", file=sys.stderr)
            files.append(folder)  # MNIST may be in it
    return files


def find_idx_files(source: Published, paths: Sequence[Path]) -> dict[str, Path]:
    """Name -> the one of `paths` that is this file of `source`, by its content, whatever its own name."""
    found = {}
    for name in source.gz_sha256:
        size = 16 + source.images * PIXELS if "idx3" in name else 8 + source.images
        for path in paths:
            with suppress(GanError, OSError):
                if size in (path.stat().st_size, packed_size(path)):
                    read_idx_file(source, path, name)
                    found[name] = path
                    break
    return found


def packed_size(path: Path) -> int | None:
    """How many bytes are in a .gz file, as its last four say; None of another file."""
    if ".gz" not in path.name:
        return None
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(), "little")


def from_keras_archives(source: Published, paths: Sequence[Path]) -> Images | None:
    """The images of `source` in an `mnist.npz` among `paths` or in the Keras cache, if one is whole."""
    if not source.sha256:
        return None
    archives = [path for path in paths if path.suffix == ".npz" and FILE_OF_MNIST.search(path.name)]
    try:
        keras = user_path(os.environ.get("KERAS_HOME") or "~/.keras")
        archives.append(keras / "datasets" / f"{source.name}.npz")
    except UsageError as error:
        print(f"Notice: The Keras cache is left out. {error}", file=sys.stderr)
    for archive in archives:
        try:
            return read_keras_archive(source, archive)
        except FileNotFoundError:
            continue
        except GanError as error:
            print(f"Notice: {error}", file=sys.stderr)
    return None


def read_keras_archive(source: Published, archive: Path) -> Images:
    """Read `mnist.npz` as `keras.datasets.mnist.load_data` leaves it, verified as the IDX files are.

    Raises:
        FileNotFoundError: there is none.
        GanError: it cannot be read, or holds something else.
    """
    try:
        with np.load(archive, allow_pickle=False) as arrays:
            pixels, labels = (arrays[key] for key in source.keras_keys)
        for name, array in zip(source.gz_sha256, (pixels, labels), strict=True):
            content = idx_header(array) + array.tobytes()
            digest, published = digests(source, name, content, content)
            if digest != published:
                raise ValueError
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError from None
    except PermissionError as error:
        raise GanError(f"{archive} is left out: it cannot be read ({reason(error)}).") from None
    except Exception:  # zipfile, zlib and NumPy's headers have exceptions of their own, and many
        raise GanError(f"{archive} is left out: it is not the MNIST that Keras keeps.") from None
    return checked_images(source, pixels, labels, archive)


def idx_header(array: np.ndarray) -> bytes:
    """What stands before the data in an IDX file; see `parse_idx`."""
    magic = bytes([0, 0, 8, array.ndim])
    return magic + b"".join(length.to_bytes(4, "big") for length in array.shape)
