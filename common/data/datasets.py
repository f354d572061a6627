"""The name in `--dataset` -> the images to learn from."""

import sys
from dataclasses import replace
from pathlib import Path

from common.data import own_images
from common.data.download import NoMirrorError
from common.data.mnist import PUBLISHED, Images, load_published, scikit_learn_digits
from common.errors import UsageError
from common.machine.files import user_path

NAMES = ("auto", *PUBLISHED, "digits")


def load(dataset: str, data_dir: Path, train_limit: int | None = None) -> Images:
    """The training images of `dataset`, downloaded into `data_dir` if they are published and not there yet.

    Args:
        dataset: one of `NAMES`, or a folder of images; auto falls back from mnist to digits, and says so.
        train_limit: keep only the first so many images.

    Raises:
        GanError: the files are damaged, cannot be read, or cannot be had.
        UsageError: `dataset` is none, `data_dir` is a file, or `train_limit` more than there is.
    """
    if data_dir.exists() and not data_dir.is_dir():
        raise UsageError(f"--data-dir {data_dir} is not a folder; name the one that has MNIST/raw in it.")
    if dataset == "digits":
        images = scikit_learn_digits()
    elif dataset == "auto":
        try:
            images = load_published(PUBLISHED["mnist"], data_dir)
        except NoMirrorError as error:
            print(
                f"Notice: MNIST is not in {data_dir} and cannot be downloaded ({error.why}), so this run "
                "learns from the 1,797 smaller digits that come with scikit-learn.",
                file=sys.stderr,
            )
            images = scikit_learn_digits()
    elif dataset in PUBLISHED:
        images = load_published(PUBLISHED[dataset], data_dir)
    else:
        folder = user_path(dataset)
        if not (dataset and folder.is_dir()):
            raise UsageError(
                f"--dataset must be one of {', '.join(NAMES)}, or a folder of images, not {dataset!r}, "
                "which is no folder."
            )
        images = own_images.load(folder)
    available = len(images.pixels)
    if train_limit is not None and train_limit > available:
        raise UsageError(
            f"--train-limit must be at most {available}, the images in {images.title}, not {train_limit}."
        )
    return replace(images, pixels=images.pixels[:train_limit], labels=images.labels[:train_limit])
