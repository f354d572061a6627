"""A folder of images: which kinds are read, how they become like MNIST's, what is said of the rest."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from common.data import datasets, own_images
from common.data.mnist import Images
from common.errors import GanError, UsageError
from tests.conftest import ordinary_user

Load = Callable[..., Images]


def drawing(size: tuple[int, int] = (56, 56), ink: int = 255, paper: int = 0) -> Image.Image:
    """An upright bar, left of the middle."""
    image = Image.new("L", size, paper)
    image.paste(ink, (size[0] // 4, size[1] // 4, size[0] // 2, size[1] * 3 // 4))
    return image


def see_through(ink: int) -> Image.Image:
    """The same bar, and nothing around it but another ink."""
    image = drawing(ink=ink, paper=ink).convert("LA")
    image.putalpha(drawing())
    return image


BRIGHT_ON_BLACK = np.asarray(drawing((28, 28)))


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Save pictures, name -> picture, in a folder, and load that."""
    folder = tmp_path / "mine"

    def save_and_load(**pictures: Image.Image) -> Images:
        for name, picture in pictures.items():
            path = folder / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
        return datasets.load(str(folder), tmp_path)

    return save_and_load


def bars(images: Images) -> np.ndarray:
    return images.pixels.reshape(-1, 28, 28)


# Every kind of picture -----------------------------------------------------------------------------


def sixteen_bits() -> Image.Image:
    return Image.fromarray(np.asarray(drawing()).astype(np.uint16) * 257)


def palette(transparent: bool) -> Image.Image:
    image = Image.new("P", (56, 56), 0)
    image.putpalette([255, 255, 255, 255, 255, 255] if transparent else [0, 0, 0, 255, 255, 255])
    image.paste(1, (14, 14, 28, 42))
    if transparent:
        image.info["transparency"] = 0
    return image


KINDS = {
    "grey.png": drawing(),
    "bits.png": drawing().convert("1"),
    "colour.png": drawing().convert("RGB"),
    "palette.png": palette(transparent=False),
    "16 bits.png": sixteen_bits(),
    "16 bits.tif": sixteen_bits(),
    "32 bits.tif": Image.fromarray(np.asarray(drawing()).astype(np.int32) * 1000),
    "float.tif": Image.fromarray(np.asarray(drawing()).astype(np.float32) / 255),
    "cmyk.tif": drawing().convert("RGB").convert("CMYK"),
    "opaque.png": drawing().convert("RGBA"),
    "see-through, white.png": see_through(255),
    "see-through, black.png": see_through(0),
    "see-through palette.png": palette(transparent=True),
    "see-through.gif": palette(transparent=True),
    "colour.webp": drawing().convert("RGB"),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_picture_becomes_grey_and_bright_on_black(tmp_path: Path, name: str) -> None:
    KINDS[name].save(tmp_path / name)
    images = datasets.load(str(tmp_path), tmp_path)
    assert images.pixels.dtype == np.uint8 and images.pixels.shape == (1, 784)
    np.testing.assert_allclose(bars(images)[0], BRIGHT_ON_BLACK, atol=40)  # resampling rounds off corners


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    levels = np.zeros((28, 28), np.uint16)
    levels[1:-1, 1:-1] = np.linspace(0, 65_535, 26 * 26).reshape(26, 26)
    for name in ("levels.png", "levels.tif"):
        Image.fromarray(levels).save(tmp_path / name)
    for pixels in datasets.load(str(tmp_path), tmp_path).pixels:
        np.testing.assert_allclose(pixels, levels.ravel() / 257, atol=0.51)


def test_a_photograph_is_upright_in_its_proportions_and_quickly_decoded(tmp_path: Path) -> None:
    upright = drawing((3000, 4000))
    exif = Image.Exif()
    exif[0x0112] = 6  # was turned by 90 degrees
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", exif=exif)
    (image,) = bars(datasets.load(str(tmp_path), tmp_path))
    expected = np.asarray(ImageOps.pad(upright, (28, 28)))
    np.testing.assert_allclose(image, expected, atol=30)


def test_of_a_film_the_first_picture_counts(tmp_path: Path) -> None:
    drawing().save(tmp_path / "film.gif", save_all=True, append_images=[drawing(ink=90)])
    np.testing.assert_allclose(bars(datasets.load(str(tmp_path), tmp_path))[0], BRIGHT_ON_BLACK, atol=40)


def test_pictures_of_28_x_28_stay_as_they_are(load: Load) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    pixels[[0, -1]] = 0
    np.testing.assert_array_equal(bars(load(a_png=Image.fromarray(pixels)))[0], pixels)


def test_around_a_picture_that_is_not_square_is_more_of_its_border(load: Load) -> None:
    (wide, tall) = bars(load(a_png=Image.new("L", (100, 10), 77), b_png=Image.new("L", (3, 50), 99)))
    assert (wide == 77).all() and (tall == 99).all()


# Bright on black -----------------------------------------------------------------------------------


def test_a_set_that_is_dark_on_bright_is_inverted_and_a_notice_says_so(
    load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    images = load(
        a_png=drawing((28, 28), ink=10, paper=250),
        b_png=drawing((28, 28), ink=0, paper=230),
        c_png=drawing((28, 28), ink=200, paper=20),
        d_png=see_through(0),
    )
    one, two, odd, transparent = bars(images)
    assert (one[0, 0], one[14, 10]) == (5, 245) and (two[0, 0], two[14, 10]) == (25, 255)
    assert (odd[0, 0], odd[14, 10]) == (235, 55)  # the whole set, not each as it likes
    assert (transparent[0, 0], transparent[14, 10]) == (0, 255)
    assert "Notice: The images in mine are dark on bright, so they are inverted" in capsys.readouterr().err


def test_a_set_that_is_bright_on_black_stays_and_nothing_is_said(
    load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    images = load(a_png=drawing(ink=200), b_png=see_through(0), c_png=see_through(255))
    assert [int(image[14, 10]) for image in bars(images)] == [200, 255, 255]
    assert not bars(images)[:, 0].any()
    assert capsys.readouterr().err == ""


def test_a_sheet_with_clear_corners_is_a_sheet(load: Load) -> None:
    sheet = drawing(ink=0, paper=255).convert("LA")
    alpha = Image.new("L", sheet.size, 255)
    alpha.paste(0, (0, 0, 6, 6))
    sheet.putalpha(alpha)
    (image,) = bars(load(a_png=sheet))
    assert (image[0, 0], image[14, 10]) == (0, 255)


def test_a_picture_with_nothing_in_it_is_black(load: Load) -> None:
    assert not load(a_png=Image.new("LA", (30, 30), (255, 0))).pixels.any()


# Folders ---------------------------------------------------------------------------------------------


def test_folders_are_classes_as_in_torchvision(load: Load) -> None:
    pictures = {"b__z__2_png": 30, "b__1_png": 20, "a__9_png": 10, "Z__1_png": 5}
    images = load(**{name: Image.new("L", (28, 28), grey) for name, grey in pictures.items()})
    assert images.classes == ("Z", "a", "b") and images.labels.tolist() == [0, 1, 2, 2]
    assert images.pixels[:, 0].tolist() == [5, 10, 20, 30]


def test_without_folders_there_are_no_classes(load: Load) -> None:
    images = load(a_png=drawing(), b_png=drawing())
    assert images.classes == () and images.labels.tolist() == [0, 0]


def test_links_are_followed_but_not_in_circles(load: Load, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    drawing().save(elsewhere / "a.png")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(tmp_path / "mine")
    assert load().classes == ("linked",)


def test_the_order_is_that_of_the_names(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that in which the file system has them."""
    grey = {f"{name}_png": Image.new("L", (28, 28), level) for level, name in enumerate("caebd")}
    images = load(**grey, d__x_png=Image.new("L", (28, 28), 9))
    assert images.pixels[:, 0].tolist() == [1, 3, 0, 9, 4, 2]
    listed = [*os.walk(images.name)]
    monkeypatch.setattr(
        os, "walk", lambda *_, **__: [(at, dirs[::-1], names[::-1]) for at, dirs, names in listed]
    )
    assert load().sha256 == images.sha256


# What is left out ------------------------------------------------------------------------------------


def test_what_is_no_image_is_named_and_left_out(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000)
    folder = tmp_path / "mine"
    folder.mkdir()
    load(good_png=drawing())
    assert capsys.readouterr().err == ""
    Image.new("L", (200, 150)).save(folder / "1 large.png")
    Image.new("L", (300, 300)).save(folder / "2 bomb.png")
    whole = (folder / "good.png").read_bytes()
    (folder / "3 broken.png").write_bytes(whole[: len(whole) // 2])
    (folder / "4 empty.jpg").write_bytes(b"")
    (folder / "5 notes\n.txt").write_text("one, two")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "6 pipe.png")  # which nobody writes into
    else:
        (folder / "6 pipe.png").write_bytes(b"")
    (folder / "7 link.png").symlink_to("nowhere")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / ".thumbnails").mkdir()
    drawing().save(folder / ".thumbnails" / "small.png")
    images = load()
    assert len(images.pixels) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said == (
        "Notice: Left out of mine, as broken, too large or no images: 1 large.png, 2 bomb.png, "
        "3 broken.png and 4 more."
    )


def test_a_picture_of_no_numbers_is_left_out(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    grey = np.linspace(0, 1, 784, dtype=np.float32).reshape(28, 28)
    Image.fromarray(grey).save(tmp_path / "mine" / "good.tiff")
    grey[3, 3] = np.nan
    Image.fromarray(grey).save(tmp_path / "mine" / "hole.tiff")
    assert len(load().pixels) == 1
    assert "no images: hole.tiff." in capsys.readouterr().err


def test_a_folder_without_images_is_refused(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match=r"no image in .*mine; put PNG or JPEG files into it"):
        load()
    (tmp_path / "mine" / "labels.csv").write_text("1,2")
    with pytest.raises(UsageError, match="no image in"):
        load()
    assert "Left out of mine" in capsys.readouterr().err


def test_a_folder_that_cannot_be_read_is_named(open_folder: Path) -> None:
    (open_folder / "mine" / "closed").mkdir(parents=True)
    drawing().save(open_folder / "mine" / "a.png")
    (open_folder / "mine" / "closed").chmod(0)
    with ordinary_user(open_folder), pytest.raises(GanError, match="closed cannot be read"):
        own_images.load(open_folder / "mine")


# Names -----------------------------------------------------------------------------------------------


def test_a_name_goes_before_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for folder in ("digits", "mine"):
        (tmp_path / folder).mkdir()
        drawing().save(tmp_path / folder / "a.png")
    assert len(datasets.load("digits", tmp_path).pixels) == 1797
    for dataset, title in (("./digits", "digits"), ("mine/", "mine"), ("~/mine", "mine")):
        images = datasets.load(dataset, tmp_path)
        assert images.name == str(tmp_path / title) and images.title == title and len(images.pixels) == 1
    assert len(datasets.load(".", tmp_path).pixels) == 2
    for wrong in ("mnits", "", "mine/a.png"):
        with pytest.raises(UsageError, match=r"must be one of auto, mnist.* or a folder of images, not"):
            datasets.load(wrong, tmp_path)


def test_a_title_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "my\n\x1b[31mimages"
    folder.mkdir()
    drawing().save(folder / "a.png")
    assert datasets.load(str(folder), tmp_path).title == "my??[31mimages"
