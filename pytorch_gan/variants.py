"""Which GAN the settings ask for."""

import numpy as np
import torch

from common.checkpoint import Arrays
from common.config import Config
from pytorch_gan.conditional import (
    ConditionalConvolutionalDiscriminator,
    ConditionalConvolutionalGenerator,
    ConditionalDiscriminator,
    ConditionalGenerator,
)
from pytorch_gan.convolutional import ConvolutionalDiscriminator, ConvolutionalGenerator
from pytorch_gan.exchange import load_weights
from pytorch_gan.least_squares import LeastSquaresGAN
from pytorch_gan.networks import Discriminator, Generator, generate
from pytorch_gan.training import GAN
from pytorch_gan.wasserstein import WassersteinGAN

NETWORKS = {
    "dense": (Discriminator, Generator),
    "convolutional": (ConvolutionalDiscriminator, ConvolutionalGenerator),
}
CONDITIONAL_NETWORKS = {
    "dense": (ConditionalDiscriminator, ConditionalGenerator),
    "convolutional": (ConditionalConvolutionalDiscriminator, ConditionalConvolutionalGenerator),
}
LOSSES = {"non-saturating": GAN, "least-squares": LeastSquaresGAN, "wasserstein": WassersteinGAN}


def make_networks(config: Config) -> tuple[Discriminator, Generator]:
    """The two players, dense or convolutional, without or with labels."""
    if config.classes:
        discriminator, generator = CONDITIONAL_NETWORKS[config.networks]
        return discriminator(config.dropout, config.classes), generator(config.noise_dim, config.classes)
    plain_discriminator, plain_generator = NETWORKS[config.networks]
    return plain_discriminator(config.dropout), plain_generator(config.noise_dim)


def make_gan(config: Config, device: torch.device) -> GAN:
    """The game that they play."""
    discriminator, generator = make_networks(config)
    return LOSSES[config.loss](config, discriminator.to(device), generator.to(device))


def generate_from(config: Config, arrays: Arrays, noise: np.ndarray, device: torch.device) -> np.ndarray:
    """`generate` with the generator whose weights are in a checkpoint's `arrays`."""
    _, generator = make_networks(config)
    load_weights(generator, "generator", arrays)
    return generate(generator.to(device), noise)
