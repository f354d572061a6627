"""A batch of images -> one picture; several pictures -> a film."""

from collections.abc import Sequence
from contextlib import suppress
from math import ceil, sqrt
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common.data.mnist import IMAGE_SIZE
from common.errors import GanError, reason
from common.machine.files import remove, replacing
from common.machine.streams import notice_once

SCALE = 3  # screen pixels for one pixel of an image
WIDEST = 10_000  # screen pixels: what is larger, many viewers do not open; then SCALE is 1
GAP = 2  # image pixels between two images
CAPTION_LINE = 16  # screen pixels
MILLISECONDS_PER_FRAME = 100
MILLISECONDS_ON_LAST_FRAME = 3_000
MOST_FRAMES = 120


def to_uint8(images: np.ndarray) -> np.ndarray:
    """float in [-1, 1] -> uint8 in [0, 255]; the inverse of `mnist.normalise`."""
    return np.rint((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)


def image_grid(images: np.ndarray, caption: str, columns: int | None = None) -> Image.Image:
    """Lay images out row by row, as square as can be unless `columns` says otherwise.

    Args:
        images: float (N, 784) in [-1, 1].
        caption: lines to stand below the images.
    """
    columns = columns or ceil(sqrt(len(images)))
    rows = ceil(len(images) / columns)
    cell = IMAGE_SIZE + GAP
    canvas = np.full((rows * cell + GAP, columns * cell + GAP), 64, dtype=np.uint8)
    for index, image in enumerate(to_uint8(images)):
        top, left = (GAP + cell * place for place in divmod(index, columns))
        canvas[top : top + IMAGE_SIZE, left : left + IMAGE_SIZE] = image.reshape(IMAGE_SIZE, -1)
    grid = Image.fromarray(canvas)
    if max(grid.size) * SCALE <= WIDEST:
        grid = grid.resize((grid.width * SCALE, grid.height * SCALE), Image.Resampling.NEAREST)

    font = ImageFont.load_default(12)
    lines = caption.split("\n")
    width = max(grid.width, *(ceil(font.getlength(line)) + 12 for line in lines))
    picture = Image.new("L", (width, grid.height + CAPTION_LINE * len(lines) + 4), color=64)
    picture.paste(grid, ((width - grid.width) // 2, 0))
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        middle = grid.height + CAPTION_LINE * (number + 0.5)
        draw.text((width / 2, middle), line, fill=255, font=font, anchor="mm")
    return picture


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a PNG."""
    with replacing(path) as temporary:
        picture.save(temporary, format="PNG")


def save_single_images(images: np.ndarray, folder: Path) -> None:
    """Write each image, float (N, 784) in [-1, 1], as a PNG of its own: 28 x 28 pixels, grey, no frame.

    Args:
        folder: new or empty; `000000.png` is the first image.

    Raises:
        GanError: it cannot be written; then none of the images is left in it.
    """
    paths = [folder / f"{index:06}.png" for index in range(len(images))]
    try:
        folder.mkdir(exist_ok=True)
        for path, image in zip(paths, to_uint8(images), strict=True):
            Image.fromarray(image.reshape(IMAGE_SIZE, -1)).save(path)
    except OSError as error:
        for path in paths:
            remove(path)
        with suppress(OSError):
            folder.rmdir()
        raise GanError(
            f"{folder} cannot be written ({reason(error)}); free some space or check its permissions, then "
            "try again."
        ) from None


def save_film(pictures: Sequence[Image.Image], path: Path) -> None:
    """Write an endless GIF that rests on its last picture."""
    first, *others = pictures
    durations = [MILLISECONDS_PER_FRAME] * len(others) + [MILLISECONDS_ON_LAST_FRAME]
    with replacing(path) as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=durations,
            loop=0,
        )


def read_pictures(paths: Sequence[Path], most: int = MOST_FRAMES) -> list[Image.Image]:
    """The pictures in `paths`; of more than `most`, as many at even distances, first and last included.

    What is not a picture is left out, with a notice.
    """
    chosen = np.linspace(0, len(paths) - 1, min(len(paths), most)).round().astype(int)
    return [picture for index in chosen if (picture := read_picture(paths[index]))]


def read_picture(path: Path) -> Image.Image | None:
    """The picture in `path`; where there is none, a notice and nothing."""
    try:
        with Image.open(path) as file:
            return file.copy()
    except Exception as error:  # Pillow's ways to find a file damaged are many
        why = reason(error) if isinstance(error, OSError) else str(error)
        notice_once(f"{path} is left out, it is not a picture ({why}).")
        return None
