"""A folder of images of any size and kind -> uint8 (N, 784), grey and bright on black as MNIST's are."""

import os
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from common.data.mnist import IMAGE_SIZE, PIXELS, Images
from common.errors import GanError, UsageError, listed, printable, reason

FILES_SHOWN = 3  # of those that are left out
DECODED_SIZE = (8 * IMAGE_SIZE, 8 * IMAGE_SIZE)  # more pixels of a photograph are not worth their time


def load(folder: Path) -> Images:
    """The images in `folder` and the folders in it, in the order of their names.

    Folders in it are classes, as in torchvision's `ImageFolder`. Where most images are dark on bright, all
    are inverted. Files that are no image are left out. A notice says either.

    Raises:
        UsageError: there is no image in it.
        GanError: a folder cannot be read.
    """
    title = printable(folder.absolute().name)
    pictures, transparent, class_names = [], [], []
    left_out = []
    files = files_below(folder)
    for path in tqdm(files, f"Reading {title}", unit="file", leave=False, mininterval=1, delay=2):
        relative = path.relative_to(folder)
        try:
            picture, see_through = read_image(path)
        except Exception:  # Pillow's readers have exceptions of their own, and many
            left_out.append(str(relative))
            continue
        pictures.append(picture)
        transparent.append(see_through)
        class_names.append(relative.parts[0] if len(relative.parts) > 1 else "")
    if left_out:
        print(
            f"Notice: Left out of {title}, as broken, too large or no images: "
            f"{listed(left_out, FILES_SHOWN)}.",
            file=sys.stderr,
        )
    if not pictures:
        raise UsageError(
            f"There is no image in {folder}; put PNG or JPEG files into it, or name another with --dataset."
        )
    pixels = np.stack(pictures)
    opaque = ~np.array(transparent)
    if opaque.any() and np.median(border(pixels[opaque])) > 127:
        pixels[opaque] = 255 - pixels[opaque]
        print(
            f"Notice: The images in {title} are dark on bright, so they are inverted: this GAN learns bright "
            "on black better.",
            file=sys.stderr,
        )
    classes, labels = np.unique(class_names, return_inverse=True)
    return Images(
        name=str(folder.absolute()),
        title=title,
        pixels=pixels.reshape(-1, PIXELS),
        labels=labels,
        classes=tuple(classes.tolist()) if any(classes) else (),
    )


def files_below(folder: Path) -> list[Path]:
    """The files in `folder` and the folders in it, also behind links, sorted; what is hidden is not seen.

    Raises:
        GanError: a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise GanError(f"{error.filename} cannot be read ({reason(error)}); check its permissions.")

    files: list[Path] = []
    seen = set()  # links may lead in circles
    for parent, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        if (real := os.path.realpath(parent)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(files, key=lambda path: path.parts)


def read_image(path: Path) -> tuple[np.ndarray, bool]:
    """An image file, its first picture: grey, uint8 (28, 28); and whether its background is see-through.

    Then it is bright on black already, whatever it was drawn in.
    """
    if not path.is_file():
        raise OSError  # a pipe would wait for somebody to write into it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path) as opened:
            opened.draft(None, DECODED_SIZE)  # what JPEG makes faster
            image = ImageOps.exif_transpose(opened)
            if image.mode[0] in "IF":
                image = eight_bits(image)
            if not image.has_transparency_data:
                return padded(image.convert("L")), False
            image = image.convert("RGBA")
    grey, alpha = np.asarray(image.convert("L")), np.asarray(image.getchannel("A"))
    if np.median(border(alpha)) > 127:  # a sheet with holes in it, or without
        return padded(on_ground(grey, alpha, np.median(border(grey)))), False
    if alpha.any() and np.average(grey, weights=alpha) < 128:  # drawn in dark
        grey = 255 - grey
    return padded(on_ground(grey, alpha, 0)), True


def eight_bits(image: Image.Image) -> Image.Image:
    """From 16 bits a pixel, or from 32, of which no format says where white is: there from the picture."""
    levels = np.asarray(image, np.float64)
    if not np.isfinite(levels).all():
        raise ValueError("NaN or infinity is no grey")
    black, white = (0, 65_535) if image.mode.startswith("I;16") else (levels.min(), levels.max())
    return Image.fromarray(np.rint((levels - black) * (255 / max(white - black, 1e-300))).astype(np.uint8))


def border(images: np.ndarray) -> np.ndarray:
    """The pixels at the four sides of images (..., height, width)."""
    horizontal, vertical = images[..., [0, -1], :], images[..., :, [0, -1]]
    return np.concatenate([horizontal.ravel(), vertical.ravel()])


def on_ground(grey: np.ndarray, alpha: np.ndarray, ground: float) -> Image.Image:
    """A picture that is see-through where `alpha` is 0, on a ground of one grey; all from 0 to 255."""
    share = alpha / 255
    return Image.fromarray(np.rint(grey * share + ground * (1 - share)).astype(np.uint8))


def padded(image: Image.Image) -> np.ndarray:
    """A grey image brought to 28 x 28, with more of what is at its border where it is not square."""
    ground = int(np.median(border(np.asarray(image))))
    return np.asarray(ImageOps.pad(image, (IMAGE_SIZE, IMAGE_SIZE), color=ground))
