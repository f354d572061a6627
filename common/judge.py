"""`python -m common.judge`: trains the judge of `common/quality/judge.py` again."""

import time
from math import ceil
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import safetensors.numpy
from tqdm import tqdm

from common.checkpoint import Arrays
from common.command_line.program import Parser, carry_out
from common.data import mnist
from common.data.mnist import IMAGE_SIZE, Images
from common.machine import hardware
from common.machine.files import replacing
from common.quality.judge import CLASSES, FILE, HIDDEN_WIDTHS, accuracy, from_bytes

EPOCHS = 30
SEED = 0
CHUNK = 6_000  # images distorted at a time
LINEAR, SHIFT, BEND = 0.08, 1.0, 1.0  # standard deviations of a distortion's parts; the last two in pixels


def main() -> NoReturn:
    """Train the judge again, and exit."""
    carry_out(train_again)


def train_again() -> int:
    """Make the file of the judge anew; return the exit status."""
    Parser(
        prog="python -m common.judge", description=f"Train the judge again, into {FILE.name}."
    ).parse_args()
    data_dir = mnist.default_data_dir()
    train_images = mnist.load_published(mnist.PUBLISHED["mnist"], data_dir)
    test_images = mnist.load_published(mnist.MNIST_TEST, data_dir)
    make(FILE, train_images, test_images, EPOCHS, SEED)
    return 0


def make(path: Path, train_images: Images, test_images: Images, epochs: int, seed: int) -> None:
    """Train a judge, test it, and write it to `path`.

    Raises:
        GanError: `path` cannot be written.
    """
    import sklearn

    started = time.process_time()
    arrays = train(train_images, epochs, seed)
    test_accuracy = accuracy(arrays, test_images)
    record = {
        "command": "python -m common.judge",
        "seed": seed,
        "epochs": epochs,
        "cpu_minutes": round((time.process_time() - started) / 60, 1),
        "test_accuracy": test_accuracy,
        "train_sha256": train_images.sha256,
        "test_sha256": test_images.sha256,
        "scikit-learn": sklearn.__version__,
        **hardware.describe(),
    }
    metadata = {name: str(value) for name, value in record.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(safetensors.numpy.save(arrays, metadata))
    print(f"The judge knows {test_accuracy:.2%} of {test_images.title}. See {path}")


def train(images: Images, epochs: int, seed: int) -> Arrays:
    """The weights of a judge to which every epoch showed each of `images` once, distorted anew.

    They are the mean of those after each of the last epochs, a quarter of all (Izmailov et al., "Averaging
    Weights Leads to Wider Optima and Better Generalization", 2018): scikit-learn's Adam cannot slow down.
    """
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    stream = np.random.default_rng(seed)
    classifier = MLPClassifier(HIDDEN_WIDTHS, alpha=0, batch_size=100, random_state=seed)
    pixels, classes = from_bytes(images.pixels), np.arange(CLASSES)
    states: list[Arrays] = []
    for epoch in tqdm(range(epochs), desc="Training the judge", unit="epoch"):
        for chunk in np.array_split(stream.permutation(len(pixels)), ceil(len(pixels) / CHUNK)):
            with threadpool_limits(1):  # always the same sums; batches are too small to share out
                chunk_pixels = distorted(pixels[chunk], stream)
                classifier.partial_fit(chunk_pixels, images.labels[chunk], classes=classes)
        if epoch >= epochs * 3 // 4:
            states.append({name: array.copy() for name, array in named_arrays(classifier).items()})
    return {name: np.mean([state[name] for state in states], axis=0) for name in states[0]}


def named_arrays(classifier: Any) -> Arrays:
    """The weights of a scikit-learn network, under the names that `forward` reads."""
    arrays: Arrays = {}
    for layer, (kernel, bias) in enumerate(zip(classifier.coefs_, classifier.intercepts_, strict=True), 1):
        arrays |= {f"dense{layer}.kernel": kernel, f"dense{layer}.bias": bias}
    return arrays


def smoothing(deviation: float) -> np.ndarray:
    """S that makes independent noise x ~ N(0, 1) a smooth S x, also of variance 1: float32 (28, 28)."""
    place = np.arange(IMAGE_SIZE)
    window = np.exp(-((place[:, np.newaxis] - place) ** 2) / (2 * deviation**2))
    return (window / np.linalg.norm(window, axis=1, keepdims=True)).astype(np.float32)


SMOOTHING = smoothing(deviation=4)  # pixels


def distorted(pixels: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    """Every image a little shifted, turned, scaled, sheared and bent at random, as handwriting is.

    The value at a place is that at A·place + shift + bend, where A is near the identity and the bend a smooth
    random field: the elastic distortions of Simard, Steinkraus and Platt, "Best Practices for Convolutional
    Neural Networks Applied to Visual Document Analysis", 2003. In between pixels, values are interpolated.

    Args:
        pixels: float32 (N, 784).
    """
    count, centre = len(pixels), np.float32((IMAGE_SIZE - 1) / 2)
    place = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE].reshape(2, -1).astype(np.float32) - centre
    linear = np.eye(2, dtype=np.float32) + LINEAR * stream.standard_normal((count, 2, 2), np.float32)
    shift = SHIFT * stream.standard_normal((count, 2, 1), np.float32)
    noise = stream.standard_normal((count, 2, IMAGE_SIZE, IMAGE_SIZE), np.float32)
    bend = BEND * (SMOOTHING @ noise @ SMOOTHING.T).reshape(count, 2, -1)
    source = np.clip(linear @ place + shift + bend + centre, 0, IMAGE_SIZE - 1.001)  # borders are black
    corner = np.floor(source)
    down, right = np.moveaxis(source - corner, 1, 0)
    index = (corner[:, 0] * IMAGE_SIZE + corner[:, 1]).astype(np.intp)

    def at(offset: int) -> np.ndarray:
        return np.take_along_axis(pixels, index + offset, axis=1)

    upper = at(0) + right * (at(1) - at(0))
    lower = at(IMAGE_SIZE) + right * (at(IMAGE_SIZE + 1) - at(IMAGE_SIZE))
    return upper + down * (lower - upper)


if __name__ == "__main__":
    main()
