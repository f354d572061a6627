"""The GAN in PyTorch: networks, losses, one iteration."""

from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import require

require("torch")

import torch  # noqa: E402

from common import checkpoint  # noqa: E402
from common.checkpoint import Checkpoint  # noqa: E402
from common.config import Config, settings  # noqa: E402
from common.data.mnist import Images  # noqa: E402
from common.errors import UsageError  # noqa: E402
from common.feed import Feed  # noqa: E402
from common.networks import networks as table_of  # noqa: E402
from pytorch_gan import convolutional, device, exchange, layers, networks, training, variants  # noqa: E402
from tests.combinations import COMBINATIONS  # noqa: E402
from tests.numpy_gan import (  # noqa: E402
    NumpyGAN,
    discriminator_loss,
    generator_loss,
    make_numpy_gan,
    sigmoid,
)

CPU = torch.device("cpu")
each_kind = pytest.mark.parametrize("kind", settings()["networks"].choices)


def count_weights(network: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


# Networks ----------------------------------------------------------------------------------------


def test_weight_counts() -> None:
    assert count_weights(networks.Discriminator()) == 1_460_225
    assert count_weights(networks.Generator(noise_dim=100)) == 1_486_352
    assert count_weights(convolutional.ConvolutionalDiscriminator()) == 836_705
    assert count_weights(convolutional.ConvolutionalGenerator(noise_dim=100)) == 347_073


def test_labels_add_a_row_of_weights_for_each_class() -> None:
    discriminator, generator = variants.make_networks(Config(classes=10))
    assert count_weights(discriminator) == 1_460_225 + 10 * 1_024
    assert count_weights(generator) == 1_486_352 + 10 * 256
    discriminator, generator = variants.make_networks(Config(networks="convolutional", classes=10))
    assert count_weights(discriminator) == 836_705 + 10 * 4 * 4 * 32
    assert count_weights(generator) == 347_073 + 10 * 7 * 7 * 64


@each_kind
def test_a_conditional_generator_passes_its_labels_on(kind: str) -> None:
    _, generator = variants.make_networks(Config(networks=kind, noise_dim=7, classes=3))
    noise = np.random.default_rng(0).standard_normal((5, 10)).astype(np.float32)
    images = networks.generate(generator, noise)
    assert images.shape == (5, 784 + 3) and np.abs(images[:, :784]).max() <= 1
    np.testing.assert_array_equal(images[:, 784:], noise[:, 7:])


@each_kind
def test_the_discriminator_returns_probabilities_of_its_logits(kind: str) -> None:
    discriminator = variants.make_networks(Config(networks=kind))[0].eval()
    images = torch.rand(5, 784) * 2 - 1
    probabilities, logits = discriminator(images), discriminator.logits(images)
    assert probabilities.shape == (5, 1)
    np.testing.assert_allclose(probabilities.detach().numpy(), sigmoid(logits.detach().numpy()), rtol=1e-6)


@each_kind
def test_the_generator_returns_images(kind: str) -> None:
    _, generator = variants.make_networks(Config(networks=kind, noise_dim=7))
    images = networks.generate(generator, np.ones((5, 7), np.float32) * 100)
    assert images.shape == (5, 784) and images.dtype == np.float32
    assert np.abs(images).max() <= 1


@each_kind
def test_weights_go_to_the_exchange_format_and_back(kind: str) -> None:
    arrays = checkpoint.initial_arrays(Config(networks=kind, seed=3, noise_dim=5))
    config = Config(networks=kind, noise_dim=5)
    gan = variants.make_gan(config, CPU)
    exchange.load_arrays(gan, Checkpoint(0, config.as_dict(), arrays))
    name, kernel = next(exchange.named_weights(gan.generator, "generator"))
    np.testing.assert_array_equal(kernel.detach().numpy().T, arrays[name])
    returned = exchange.to_arrays(gan)
    assert list(returned) == list(arrays)
    with torch.no_grad():
        for weight in gan.discriminator.parameters():
            weight.zero_()  # what was returned is a copy
    for name, array in arrays.items():
        np.testing.assert_array_equal(returned[name], array)
        assert returned[name].flags.c_contiguous


@each_kind
def test_a_forward_pass_is_that_of_numpy(kind: str) -> None:
    """Of the oracle, and of the table, which makes the images that are measured."""
    config = Config(networks=kind, seed=1, noise_dim=4, classes=3)
    random = np.random.default_rng(0)
    arrays = {
        name: random.uniform(0.1, 0.5, array.shape).astype(np.float32) if "norm" in name else array
        for name, array in checkpoint.initial_arrays(config).items()
    }
    oracle = NumpyGAN(config, arrays)
    noise = random.standard_normal((3, 4 + 3)).astype(np.float32)
    images = variants.generate_from(config, arrays, noise, CPU)
    table = dict(zip(("discriminator", "generator"), table_of(config), strict=True))
    expected = np.tanh(oracle.forward("generator", noise)[-1])
    np.testing.assert_allclose(images[:, :784], expected, atol=1e-6)
    np.testing.assert_allclose(table["generator"](arrays, noise), expected, atol=1e-6)
    logits = oracle.forward("discriminator", images)[-1]
    np.testing.assert_allclose(table["discriminator"](arrays, images), logits, atol=1e-6)


def test_pictures_do_not_depend_on_each_other() -> None:
    """Generating takes the running statistics, does not move them, and leaves training as it was."""
    _, generator = variants.make_networks(Config(networks="convolutional", noise_dim=7))
    noise = np.random.default_rng(0).standard_normal((9, 7)).astype(np.float32)
    generator(torch.tensor(noise))
    before = {name: weight.clone() for name, weight in exchange.named_weights(generator, "G")}
    images = networks.generate(generator, noise)
    np.testing.assert_allclose(networks.generate(generator, noise[:2]), images[:2], atol=1e-6)
    for name, weight in exchange.named_weights(generator, "G"):
        assert torch.equal(weight, before[name])
    generator(torch.tensor(noise))
    moved = {
        name for name, one in exchange.named_weights(generator, "G") if not torch.equal(one, before[name])
    }
    assert len(moved) == 4 and all("running" in name for name in moved)


# Dropout -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("shape", [(500, 400), (333, 601)])  # a multiple of four units, and not
def test_dropout_zeroes_a_share_and_scales_the_rest(share: float, shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    dropout = layers.Dropout(share)
    x = torch.ones(shape, requires_grad=True)
    y = dropout(x)
    values, counts = np.unique(y.detach().numpy(), return_counts=True)
    np.testing.assert_allclose(values, [0, 1 / (1 - share)], rtol=1e-6)
    # 200,000 draws: five standard errors are at most 0.0056
    assert abs(counts[0] / x.numel() - share) < 0.0056
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.detach())
    assert not torch.equal(dropout(x), y)


def test_dropout_is_independent_between_units() -> None:
    """The four units that share a random integer, and neighbours in the batch."""
    torch.manual_seed(0)
    kept = (layers.Dropout(0.3)(torch.ones(1_000, 400)) > 0).numpy() - 0.7
    for rows, columns in ((0, 1), (0, 2), (0, 3), (0, 4), (1, 0)):
        neighbours = kept[: 1_000 - rows, : 400 - columns] * kept[rows:, columns:]
        assert abs(neighbours.mean() / 0.21) < 0.009  # correlation; five standard errors are 0.008


def test_dropout_is_off_when_scoring() -> None:
    dropout = layers.Dropout(0.3).eval()
    x = torch.randn(5, 6)
    assert torch.equal(dropout(x), x)


def test_dropout_follows_the_seed() -> None:
    dropout, x = layers.Dropout(0.3), torch.ones(64, 64)
    torch.manual_seed(5)
    first = dropout(x)
    torch.manual_seed(5)
    assert torch.equal(dropout(x), first)


# Losses ------------------------------------------------------------------------------------------

EXTREME_LOGITS = np.array([-1e4, -100, -20, -1, -1e-6, 0, 1e-6, 1, 20, 100, 1e4])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_are_right_at_extreme_logits(dtype: torch.dtype) -> None:
    """Finite, and right to rounding; near zero to the rounding of the logit, as l - l is computed there."""
    rounding = 4 * torch.finfo(dtype).eps
    for real in EXTREME_LOGITS:
        for fake in EXTREME_LOGITS:
            real_logits = torch.full((4, 1), real, dtype=dtype)
            fake_logits = torch.full((4, 1), fake, dtype=dtype)
            exact = (real_logits.double().numpy(), fake_logits.double().numpy())
            d_loss = training.discriminator_loss(real_logits, fake_logits).item()
            expected = discriminator_loss(*exact)
            absolute = rounding * (1 + min(abs(fake), 50))
            assert d_loss == pytest.approx(expected, rel=rounding, abs=absolute)
            g_loss = training.generator_loss(fake_logits).item()
            assert g_loss == pytest.approx(generator_loss(exact[1]), rel=rounding, abs=rounding)


def test_losses_where_the_discriminator_knows_nothing() -> None:
    zero = torch.zeros(4, 1)
    assert training.discriminator_loss(zero, zero).item() == pytest.approx(2 * np.log(2))
    assert training.generator_loss(zero).item() == pytest.approx(np.log(2))


# One iteration -----------------------------------------------------------------------------------


def gan_in_float64(config: Config, arrays: checkpoint.Arrays) -> training.GAN:
    gan = variants.make_gan(config, CPU)
    gan.discriminator.double()
    gan.generator.double()
    if gan.average:
        gan.average.double()
    exchange.load_arrays(gan, Checkpoint(0, config.as_dict(), arrays))
    return gan


def settings_to_prove() -> list[object]:
    """Every combination, with several numbers of critic steps, and with and without an average."""
    settings: list[object] = []
    for name, config in COMBINATIONS.items():
        settings += [
            pytest.param(
                replace(config, critic_steps=steps, ema_decay=0.9),
                id=f"{name}, {steps} updates",
                marks=pytest.mark.slow if steps > 1 else (),
            )
            for steps in ([1, 2, 5] if config.loss == "wasserstein" else [1])
        ]
        if config.loss == Config.loss and not config.classes:
            settings.append(pytest.param(config, id=f"{name}, no average"))
    return settings


@pytest.mark.parametrize("config", settings_to_prove())
def test_iterations_are_those_of_hand_written_gradients(config: Config, tiny_images: Images) -> None:
    """Losses, gradients (in Adam's moments), weights and averages, in float64 and without dropout.

    Measured after 5 iterations: losses differ by up to 3e-16, arrays by up to 6e-15. With a batch of a power
    of two the gradient of the critic's last bias, which the distance leaves out, is 0 without rounding. Of
    other batches Adam makes a step of a rounding error, lr · g / (|g| + 1e-8), up to 1e-12.
    """
    config = replace(config, batch_size=8, noise_dim=5, dropout=0.0)
    arrays = checkpoint.initial_arrays(config)
    gan, oracle = gan_in_float64(config, arrays), make_numpy_gan(config, arrays)
    feed = Feed(config, tiny_images.pixels, tiny_images.labels)
    for iteration in range(5):
        batch = feed.batch(iteration)
        expected = oracle.train_step(batch)
        metrics = gan.train_step(*(torch.tensor(array).double() for array in batch))
        assert metrics.keys() == expected.keys()
        for name, value in metrics.items():
            assert value.item() == pytest.approx(expected[name], rel=1e-12), (iteration, name)
    found = exchange.to_arrays(gan)
    assert found.keys() == oracle.arrays.keys()
    for name, array in found.items():
        np.testing.assert_allclose(array, oracle.arrays[name], atol=1e-12, rtol=0, err_msg=name)


def test_nothing_is_computed_and_thrown_away(tiny_images: Images) -> None:
    """The generator gets no gradient in the discriminator step, nor D's weights in the generator step."""
    config = Config(batch_size=6, noise_dim=5)
    gan = gan_in_float64(config, checkpoint.initial_arrays(config))
    computed: list[str] = []
    for name, network in (("D", gan.discriminator), ("G", gan.generator)):
        for weight in network.parameters():
            weight.register_post_accumulate_grad_hook(lambda _, name=name: computed.append(name))
    feed = Feed(config, tiny_images.pixels, tiny_images.labels)
    gan.train_step(*(torch.tensor(array).double() for array in feed.batch(0)))
    assert computed == ["D"] * 8 + ["G"] * 8


# Device ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu"])
def test_auto_is_the_first_gpu(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device(kind))
    monkeypatch.setattr(device, "compute", lambda name: None)
    assert device.select("auto") == torch.device(f"{kind}:0")
    assert device.select(f"{kind}:1") == torch.device(f"{kind}:1")


def test_a_device_that_is_not_there_is_named() -> None:
    assert device.select("cpu") == CPU
    for absent in ("nonsense", "meta", "hpu") + (() if torch.cuda.is_available() else ("cuda", "cuda:7")):
        with pytest.raises(UsageError, match=f"has no --device {absent} here"):
            device.select(absent)
