"""The judge: a small network that knows MNIST's digits, for the measures of `common/quality/metrics.py`.

It stands where the papers have Inception, which knows photographs and not digits. Its weights are in
`common/quality/judge.safetensors`, kernels as (in, out), with how they were made as metadata: by
`python -m common.judge`.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors.numpy

from common.checkpoint import Arrays
from common.data.mnist import Images

FILE = Path(__file__).with_name("judge.safetensors")
CLASSES = 10
HIDDEN_WIDTHS = (384, 64)


class Verdict(NamedTuple):
    """What the judge makes of N images, both float32."""

    probabilities: np.ndarray  # (N, 10), of the digits
    features: np.ndarray  # (N, 64), its last hidden layer


def judge(pixels: np.ndarray) -> Verdict:
    """The judge's verdict on images, float32 (N, 784) in [0, 1]."""
    return forward(judge_arrays(), pixels)


@cache
def judge_arrays() -> Arrays:
    """The judge's weights: dense1.kernel, dense1.bias, dense2.kernel and so on, float32."""
    return safetensors.numpy.load_file(FILE)


def forward(arrays: Arrays, pixels: np.ndarray) -> Verdict:
    """`judge` with other weights: layers with ReLU, then softmax."""
    *hidden, last = range(1, len(arrays) // 2 + 1)
    features = pixels
    for layer in hidden:
        features = np.maximum(features @ arrays[f"dense{layer}.kernel"] + arrays[f"dense{layer}.bias"], 0)
    logits = features @ arrays[f"dense{last}.kernel"] + arrays[f"dense{last}.bias"]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return Verdict(exponentials / exponentials.sum(axis=1, keepdims=True), features)


def accuracy(arrays: Arrays, images: Images) -> float:
    """The share of `images` that `forward` takes for the digit they are."""
    probabilities, _ = forward(arrays, from_bytes(images.pixels))
    return float((probabilities.argmax(axis=1) == images.labels).mean())


def from_bytes(pixels: np.ndarray) -> np.ndarray:
    """uint8 in [0, 255] -> float32 in [0, 1]."""
    return pixels.astype(np.float32) / 255
