"""Pictures, films and charts."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.data.mnist import PIXELS, normalise
from common.runs import curves, grid


def test_pixels_come_back_as_they_were() -> None:
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(grid.to_uint8(normalise(levels)), levels)


@pytest.mark.parametrize(("count", "columns", "rows"), [(16, 4, 4), (1, 1, 1), (5, 3, 2), (64, 8, 8)])
def test_images_are_laid_out_row_by_row(count: int, columns: int, rows: int) -> None:
    grey = np.linspace(-1, 1, count, dtype=np.float32)
    picture = grid.image_grid(np.repeat(grey[:, None], PIXELS, axis=1), "a\nb")
    pixels = np.asarray(picture)
    left = (picture.width - 3 * (30 * columns + 2)) // 2
    for index in range(count):
        row, column = divmod(index, columns)
        centre = pixels[3 * (30 * row + 16), left + 3 * (30 * column + 16)]
        assert centre == grid.to_uint8(grey)[index]
    assert picture.height == 3 * (30 * rows + 2) + 2 * 16 + 4
    assert pixels[3 * (30 * rows + 2) :].max() == 255  # the caption is there


def test_very_many_images_make_a_picture_that_viewers_open() -> None:
    """111 in a row still have three screen pixels for each of theirs; 112 would be too wide."""
    blank = np.zeros((112**2, PIXELS), np.float32)
    assert grid.image_grid(blank[: 111**2], "").width == 3 * (111 * 30 + 2)
    assert grid.image_grid(blank, "").width == 112 * 30 + 2


def test_a_long_film_is_thinned_but_keeps_its_ends(tmp_path: Path) -> None:
    paths = []
    for level in range(200):
        paths.append(tmp_path / f"{level:03}.png")
        grid.save_picture(Image.new("L", (8, 8), level), paths[-1])
    pictures = grid.read_pictures(paths, most=50)
    levels = [int(np.asarray(picture)[0, 0]) for picture in pictures]
    assert len(levels) == 50 and (levels[0], levels[-1]) == (0, 199)
    assert set(np.diff(levels)) <= {4, 5}
    grid.save_film(pictures, tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        assert getattr(film, "n_frames", 1) == 50 and film.info["loop"] == 0


def test_moving_average() -> None:
    values = np.random.default_rng(0).random(50)
    expected = [values[start : start + 7].mean() for start in range(44)]
    np.testing.assert_allclose(curves.moving_average(values, 7), expected)
    np.testing.assert_allclose(curves.moving_average(values[:1], 1), values[:1])


def test_a_long_curve_keeps_its_extremes_in_every_stretch() -> None:
    x = np.arange(100_000)
    y = np.random.default_rng(0).random(len(x))
    drawn_x, drawn_y = curves.extremes(x, y)
    stretches = y.reshape(curves.MOST_STRETCHES, -1)
    np.testing.assert_array_equal(drawn_y[::2], stretches.min(axis=1))
    np.testing.assert_array_equal(drawn_y[1::2], stretches.max(axis=1))
    np.testing.assert_array_equal(drawn_x[::2], drawn_x[1::2])
    np.testing.assert_array_equal(drawn_x[::2], x[:: stretches.shape[1]])


def test_a_short_curve_is_drawn_as_it_is() -> None:
    x = np.arange(2 * curves.MOST_STRETCHES)
    drawn_x, drawn_y = curves.extremes(x, -x)
    np.testing.assert_array_equal(drawn_x, x)
    np.testing.assert_array_equal(drawn_y, -x)
