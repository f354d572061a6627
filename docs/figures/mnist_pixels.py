"""Ten of MNIST's training images, one of each digit, and how often each pixel value in [-1, 1] occurs.

Source: MNIST's 60,000 training images. Run by itself it also prints the shares.
"""

import numpy as np
from matplotlib.gridspec import GridSpec

from common.data import datasets, mnist
from docs.figures.style import BLUE, ORANGE, figure, save


def main() -> None:
    """Draw both."""
    images = datasets.load("mnist", mnist.default_data_dir())
    drawn = figure(8, 4.8)
    grid = GridSpec(3, 10, figure=drawn, height_ratios=[1, 0.15, 3])

    for digit in range(10):
        first = np.flatnonzero(images.labels == digit)[0]
        ax = drawn.add_subplot(grid[0, digit])
        picture = mnist.normalise(images.pixels[first]).reshape(mnist.IMAGE_SIZE, mnist.IMAGE_SIZE)
        ax.imshow(picture, cmap="gray", vmin=-1, vmax=1)
        ax.set_axis_off()

    values, shares = value_shares(images.pixels)
    ax = drawn.add_subplot(grid[2, :])
    ax.bar(values, shares, width=2 / 255, color=BLUE)
    ax.bar(values[[0, -1]], shares[[0, -1]], width=0.02, color=ORANGE)
    for end in (0, -1):
        label, top = f"{shares[end]:.1%}", (values[end], shares[end])
        ax.annotate(label, top, (6, -8), textcoords="offset points")
    ax.set(yscale="log", xlim=(-1.1, 1.15), xticks=[-1, -0.5, 0, 0.5, 1], xlabel="x")
    save(drawn, "mnist_pixels")


def value_shares(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 256 values a pixel can have in [-1, 1], and how large a share of the pixels has each."""
    counts = np.bincount(pixels.ravel(), minlength=256)
    return mnist.normalise(np.arange(256, dtype=np.uint8)), counts / counts.sum()


if __name__ == "__main__":
    main()
    _, shares = value_shares(datasets.load("mnist", mnist.default_data_dir()).pixels)
    print(f"-1: {shares[0]:.1%}   between: {shares[1:-1].sum():.1%}   1: {shares[-1]:.1%}")
