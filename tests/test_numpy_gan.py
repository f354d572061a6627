"""The oracle itself: the gradients that it has by hand are those of its losses."""

from dataclasses import replace

import numpy as np
import pytest

from common import checkpoint, networks
from common.checkpoint import Arrays
from common.config import settings
from common.data.mnist import PIXELS, Images
from common.feed import Feed
from tests.combinations import AROUND_IT, AXES, COMBINATIONS, NUMBERS, REFUSED
from tests.numpy_gan import NumpyWassersteinGAN, make_numpy_gan

STEP = 1e-5  # along a direction in which each weight goes about 1


def test_every_setting_has_its_place_in_the_proof() -> None:
    """Also one that is added: it chooses between GANs, is a number in them, or leaves them as they are."""
    assert {*AXES, *NUMBERS, *AROUND_IT} == {*settings()}


def test_every_combination_is_proven_or_refused() -> None:
    assert len(COMBINATIONS) + len(REFUSED) == np.prod([len(values) for values in AXES.values()])
    assert all("wasserstein" in name and "generator-first" in name for name in REFUSED)


@pytest.fixture
def few_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks: in those of step 1 there is nearly always a LeakyReLU whose input is about 0."""
    monkeypatch.setattr(networks, "DISCRIMINATOR_HIDDEN_WIDTHS", (12, 8, 6))
    monkeypatch.setattr(networks, "GENERATOR_HIDDEN_WIDTHS", (6, 8, 12))
    monkeypatch.setattr(networks, "CHANNELS", (2, 3))
    monkeypatch.setattr(networks, "DCGAN_HIDDEN_WIDTH", 5)


@pytest.mark.parametrize("name", COMBINATIONS)
@pytest.mark.usefixtures("few_units")
def test_gradients_are_central_differences(
    name: str, tiny_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of both losses, the penalty included, for each array of weights in a direction of its own."""
    config = replace(COMBINATIONS[name], batch_size=4, noise_dim=5, critic_steps=1)
    gan = make_numpy_gan(config, checkpoint.initial_arrays(config))
    batch = Feed(config, tiny_images.pixels, tiny_images.labels).batch(0)
    found: Arrays = {}
    monkeypatch.setattr(gan, "adam", lambda network, gradients: found.update(gradients))  # nothing moves

    def losses() -> dict[str, float]:
        metrics = gan.train_step(batch)
        d_loss = metrics["d_loss"] if "d_loss" in metrics else metrics["penalty"] - metrics["distance"]
        return {"discriminator": d_loss, "generator": metrics["g_loss"]}

    losses()
    gradients = dict(found)
    assert gradients.keys() == {name for name, one in networks.weights(config).items() if one.trained}
    random = np.random.default_rng(0)
    for array, gradient in gradients.items():
        direction = random.standard_normal(gradient.shape)
        weights, network = gan.arrays[array], array.partition(".")[0]
        gan.arrays[array] = weights + STEP * direction
        above = losses()[network]
        gan.arrays[array] = weights - STEP * direction
        slope = (above - losses()[network]) / (2 * STEP)
        gan.arrays[array] = weights
        assert slope == pytest.approx((gradient * direction).sum(), rel=1e-6, abs=1e-9), array


@pytest.mark.parametrize("kind", AXES["networks"])
@pytest.mark.usefixtures("few_units")
def test_the_penalty_is_that_of_slopes(kind: str) -> None:
    """The slope of D at an image, from differences in each of its pixels; labels do not count."""
    config = replace(COMBINATIONS[f"{kind}, wasserstein, discriminator-first, 10 classes"], classes=2)
    gan = NumpyWassersteinGAN(config, checkpoint.initial_arrays(config))
    images = np.random.default_rng(0).uniform(-1, 1, (3, PIXELS + config.classes))
    steps = STEP * np.eye(PIXELS, PIXELS + config.classes)
    slopes = []
    for image in images:
        above, below = (gan.forward("discriminator", image + sign * steps)[-1] for sign in (1, -1))
        slopes.append(np.linalg.norm((above - below) / (2 * STEP)))
    penalty, _ = gan.gradient_penalty(images)
    assert penalty == pytest.approx(np.square(np.array(slopes) - 1).mean(), rel=1e-9)
