"""Contract 1: everything random is a pure function of (seed, iteration)."""

import numpy as np
import pytest

from common.config import OF_LOSS, Config
from common.data.mnist import PIXELS, Images
from common.feed import (
    CriticBatches,
    Feed,
    Purpose,
    draw_noise,
    image_order,
    in_every_class,
    interpolate_noise,
    random_stream,
    with_labels,
)


def numbered_images(count: int) -> np.ndarray:
    """Images that tell their index in their first two pixels."""
    pixels = np.zeros((count, PIXELS), np.uint8)
    pixels[:, 0], pixels[:, 1] = np.divmod(np.arange(count), 256)
    return pixels


def feed_of(images: np.ndarray, batch_size: int, noise_dim: int, seed: int) -> Feed:
    """A feed without labels."""
    config = Config(batch_size=batch_size, noise_dim=noise_dim, seed=seed)
    return Feed(config, images, np.zeros(len(images), int))


def test_a_batch_depends_on_nothing_but_seed_and_iteration(tiny_images: Images) -> None:
    first = feed_of(tiny_images.pixels, 4, 3, seed=5)
    for iteration in range(9):
        first.batch(iteration)  # what came before
    image_order.cache_clear()
    again = feed_of(tiny_images.pixels, 4, 3, seed=5)
    for one, other in zip(first.batch(9), again.batch(9), strict=True):
        np.testing.assert_array_equal(one, other)
    assert first.dropout_seed(9) == again.dropout_seed(9)


def test_batches_are_as_described(tiny_images: Images) -> None:
    batch = feed_of(tiny_images.pixels, 4, 3, seed=0).batch(2)
    assert batch.real_images.shape == (4, PIXELS)
    assert batch.d_noise.shape == batch.g_noise.shape == (4, 3)
    assert {array.dtype for array in batch} == {np.dtype(np.float32)}
    assert batch.real_images.min() >= -1 and batch.real_images.max() <= 1


@pytest.mark.parametrize(("count", "batch_size"), [(60, 4), (10, 4), (7, 7), (7, 3), (5, 1)])
def test_every_epoch_shows_every_image_once(count: int, batch_size: int) -> None:
    feed = feed_of(numbered_images(count), batch_size, 1, seed=3)
    epochs = 4
    iterations = epochs * count // batch_size
    shown = np.concatenate([feed.image_indices(iteration) for iteration in range(iterations)])
    assert len(shown) == iterations * batch_size
    for epoch in range(len(shown) // count):
        order = shown[epoch * count : (epoch + 1) * count]
        assert sorted(order) == list(range(count))
        np.testing.assert_array_equal(order, image_order(3, epoch, count))
    assert not np.array_equal(image_order(3, 0, 60), image_order(3, 1, 60))


def test_a_batch_holds_the_images_of_its_indices() -> None:
    feed = feed_of(numbered_images(600), 5, 1, seed=1)
    pixels = np.rint((feed.batch(77).real_images[:, :2] + 1) * 127.5).astype(int)
    np.testing.assert_array_equal(pixels @ [256, 1], feed.image_indices(77))


def critic_feed(classes: int = 0, batch_size: int = 5) -> Feed:
    """A feed for three critic steps, of numbered images that are of class 0, 1, 2, ... in turn."""
    settings = {**OF_LOSS["wasserstein"], "critic_steps": 3, "classes": classes}
    config = Config(loss="wasserstein", batch_size=batch_size, noise_dim=4, seed=2, **settings)
    return Feed(config, numbered_images(600), np.arange(600) % (classes or 1))


def test_critic_batches_follow_one_another() -> None:
    """Iteration t consumes the batches 3 t, 3 t + 1 and 3 t + 2 of a run with one critic step."""
    feed = critic_feed()
    for iteration in (0, 1, 77):
        batch = feed.batch(iteration)
        assert isinstance(batch, CriticBatches)
        assert batch.real_images.shape == (3, 5, PIXELS) and batch.d_noise.shape == (3, 5, 4)
        assert batch.g_noise.shape == (5, 4) and batch.mixing.shape == (3, 5, 1)
        assert {array.dtype for array in batch} == {np.dtype(np.float32)}
        for step in range(3):
            number = 3 * iteration + step
            pixels = np.rint((batch.real_images[step, :, :2] + 1) * 127.5).astype(int)
            np.testing.assert_array_equal(pixels @ [256, 1], feed.image_indices(number))
            noise = draw_noise(2, Purpose.DISCRIMINATOR_NOISE, 5, 4, index=number)
            np.testing.assert_array_equal(batch.d_noise[step], noise)
        np.testing.assert_array_equal(
            batch.g_noise, draw_noise(2, Purpose.GENERATOR_NOISE, 5, 4, index=iteration)
        )


def test_mixing_is_uniform_and_has_a_purpose_of_its_own() -> None:
    feed = critic_feed(batch_size=600)
    mixing = np.concatenate([feed.batch(iteration).mixing.ravel() for iteration in range(10)])  # type: ignore[union-attr]
    drawn = [
        random_stream(2, Purpose.MIXING, number).random((600, 1), np.float32).ravel() for number in range(30)
    ]
    np.testing.assert_array_equal(mixing, np.concatenate(drawn))
    assert mixing.min() >= 0 and mixing.max() < 1
    # 18,000 draws: 1,800 in each tenth, with a standard deviation of 40
    counts, _ = np.histogram(mixing, bins=10, range=(0, 1))
    assert np.abs(counts - 1_800).max() < 5 * 40
    assert len(np.unique(mixing)) > 0.99 * len(mixing)


def test_labels_go_with_their_images() -> None:
    """A noise has the label of the image in its row; that of the generator step, of the last critic step."""
    feed = critic_feed(classes=7)
    batch = feed.batch(5)
    for step in range(3):
        expected = np.eye(7)[feed.image_indices(15 + step) % 7]
        np.testing.assert_array_equal(batch.real_images[step, :, PIXELS:], expected)
        np.testing.assert_array_equal(batch.d_noise[step, :, 4:], expected)
    np.testing.assert_array_equal(batch.g_noise[:, 4:], expected)


def test_labels_change_nothing_else() -> None:
    """Images, noises and mixing are those of a run without labels."""
    for labelled, plain in zip(critic_feed(classes=7).batch(9), critic_feed().batch(9), strict=True):
        np.testing.assert_array_equal(labelled[..., : plain.shape[-1]], plain)


def test_labels_are_one_hot() -> None:
    rows = np.ones((3, 2), np.float32)
    found = with_labels(rows, np.array([0, 2, 1], np.uint8), 3)
    np.testing.assert_array_equal(found, [[1, 1, 1, 0, 0], [1, 1, 0, 0, 1], [1, 1, 0, 1, 0]])
    assert found.dtype == np.float32


def test_each_noise_is_there_with_every_label() -> None:
    noise = np.array([[5], [6]], np.float32)
    expected = [[5, 1, 0, 0], [5, 0, 1, 0], [5, 0, 0, 1], [6, 1, 0, 0], [6, 0, 1, 0], [6, 0, 0, 1]]
    np.testing.assert_array_equal(in_every_class(noise, 3), expected)
    np.testing.assert_array_equal(in_every_class(noise, 0), noise)


def test_streams_differ_by_seed_purpose_and_iteration() -> None:
    drawn = {
        random_stream(seed, purpose, index).random()
        for seed in (0, 1, 2**32 - 1)
        for purpose in Purpose
        for index in (0, 1, 93_749)
    }
    assert len(drawn) == 3 * len(Purpose) * 3


def test_noise_is_standard_normal() -> None:
    noise = draw_noise(0, Purpose.DISCRIMINATOR_NOISE, 2_000, 100)
    # 200,000 draws: the standard errors are 0.0022 of the mean and 0.0016 of the deviation
    assert abs(noise.mean()) < 0.011
    assert abs(noise.std() - 1) < 0.008


IMAGES_OF_SEED_0 = [97, 14, 7, 62]
NOISE_OF_SEED_0 = [[-0.6975551, -0.3708602, -0.2703391]]


def test_the_stream_is_what_it_was() -> None:
    """Figures that a change of the generator would change, and with them every recorded run."""
    assert feed_of(numbered_images(100), 4, 2, seed=0).image_indices(0).tolist() == IMAGES_OF_SEED_0
    np.testing.assert_allclose(
        draw_noise(0, Purpose.GENERATOR_NOISE, 1, 3, index=1), NOISE_OF_SEED_0, rtol=1e-6
    )


@pytest.mark.parametrize("noise_dim", [1, 2, 100])
def test_interpolation_goes_from_one_noise_to_another(noise_dim: int) -> None:
    path = interpolate_noise(seed=4, count=9, noise_dim=noise_dim)
    ends = draw_noise(4, Purpose.GENERATED_NOISE, 2, noise_dim)
    np.testing.assert_allclose(path[[0, -1]], ends, rtol=1e-5, atol=1e-6)
    assert path.shape == (9, noise_dim) and np.isfinite(path).all()
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert steps.max() < 1.7 * steps.min()


def test_interpolation_keeps_the_length_of_noises() -> None:
    lengths = np.linalg.norm(interpolate_noise(seed=1, count=11, noise_dim=100), axis=1)
    assert lengths.min() > 0.95 * min(lengths[0], lengths[-1])
