"""Which GAN the settings ask for."""

import keras
import numpy as np

from common.checkpoint import Arrays
from common.config import Config
from keras_gan.conditional import (
    ConditionalConvolutionalDiscriminator,
    ConditionalConvolutionalGenerator,
    ConditionalDiscriminator,
    ConditionalGenerator,
)
from keras_gan.convolutional import ConvolutionalDiscriminator, ConvolutionalGenerator
from keras_gan.exchange import load_weights
from keras_gan.least_squares import LeastSquaresGAN
from keras_gan.networks import Discriminator, Generator, generate
from keras_gan.training import GAN
from keras_gan.wasserstein import WassersteinGAN

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


def make_gan(config: Config, device: str) -> GAN:
    """The game that they play."""
    with keras.device(device):
        return LOSSES[config.loss](config, *make_networks(config))


def generate_from(config: Config, arrays: Arrays, noise: np.ndarray, device: str) -> np.ndarray:
    """`generate` with the generator whose weights are in a checkpoint's `arrays`."""
    with keras.device(device):
        _, generator = make_networks(config)
        load_weights(generator, "generator", arrays)
        return generate(generator, noise)
