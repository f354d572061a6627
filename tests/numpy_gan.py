"""The same GANs in NumPy, every gradient written out by hand: what the frameworks are compared with.

Without dropout, in float64. As in the frameworks, another loss is a subclass, and with labels an image is its
pixels with one-hot numbers behind them. `tests/test_numpy_gan.py` compares the gradients with differences.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from common.checkpoint import Arrays
from common.config import Config
from common.data.mnist import PIXELS
from common.feed import Batch, CriticBatches

SLOPE = 0.2
EPSILON = 1e-8  # of Adam
NORM_EPSILON = 1e-5


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(logits / 2))


def discriminator_loss(real_logits: np.ndarray, fake_logits: np.ndarray) -> float:
    """-mean log D(x) - mean log(1 - D(G(z))), with log(1 + exp(l)) as `logaddexp(0, l)`."""
    return float(np.logaddexp(0, -real_logits).mean() + np.logaddexp(0, fake_logits).mean())


def generator_loss(fake_logits: np.ndarray) -> float:
    """-mean log D(G(z))."""
    return float(np.logaddexp(0, -fake_logits).mean())


# Layers ------------------------------------------------------------------------------------------


class Layer:
    """Rows x -> rows y, one for each image; without weights it learns nothing."""

    def forward(self, arrays: Arrays, x: np.ndarray, training: bool) -> np.ndarray:
        raise NotImplementedError

    def backward(self, arrays: Arrays, x: np.ndarray, delta: np.ndarray) -> np.ndarray:
        """dL/dy -> dL/dx."""
        raise NotImplementedError

    def gradients(self, arrays: Arrays, x: np.ndarray, delta: np.ndarray) -> Arrays:
        """dL/dy -> dL/d(weights)."""
        return {}

    def tangent(self, arrays: Arrays, x: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """How y moves where x moves in a direction, for each row alone."""
        raise NotImplementedError


class LeakyReLU(Layer):
    def forward(self, arrays: Arrays, x: np.ndarray, training: bool) -> np.ndarray:
        return np.maximum(x, SLOPE * x)

    def backward(self, arrays: Arrays, x: np.ndarray, delta: np.ndarray) -> np.ndarray:
        return delta * np.where(x > 0, 1, SLOPE)

    def tangent(self, arrays: Arrays, x: np.ndarray, direction: np.ndarray) -> np.ndarray:
        return direction * np.where(x > 0, 1, SLOPE)


@dataclass(frozen=True)
class Bias(Layer):
    """One number for each channel; what dense layers make is one place with many channels."""

    name: str

    def forward(self, arrays: Arrays, x: np.ndarray, training: bool) -> np.ndarray:
        bias = arrays[f"{self.name}.bias"]
        return (x.reshape(-1, len(bias)) + bias).reshape(x.shape)

    def backward(self, arrays: Arrays, x: np.ndarray, delta: np.ndarray) -> np.ndarray:
        return delta

    def gradients(self, arrays: Arrays, x: np.ndarray, delta: np.ndarray) -> Arrays:
        bias = arrays[f"{self.name}.bias"]
        return {f"{self.name}.bias": delta.reshape(-1, len(bias)).sum(axis=0)}

    def tangent(self, arrays: Arrays, x: np.ndarray, direction: np.ndarray) -> np.ndarray:
        return direction


@dataclass(frozen=True)
class Linear(Layer):
    """A product with a kernel, linear in either; this is x W."""

    name: str

    def product(self, x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return x @ kernel

    def transposed(self, delta: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return delta @ kernel.T

    def kernel_gradient(self, x: np.ndarray, delta: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return x.T @ delta

    def forward(self, arrays: Arrays, x: np.ndarray, training: bool) -> np.ndarray:
        return self.product(x, arrays[f"{self.name}.kernel"])

    def backward(self, arrays: Arrays, x: np.ndarray, delta: np.ndarray) -> np.ndarray:
        return self.transposed(delta, arrays[f"{self.name}.kernel"])

    def gradients(self, arrays: Arrays, x: np.ndarray, delta: np.ndarray) -> Arrays:
        name = f"{self.name}.kernel"
        return {name: self.kernel_gradient(x, delta, arrays[name].shape)}

    def tangent(self, arrays: Arrays, x: np.ndarray, direction: np.ndarray) -> np.ndarray:
        return self.product(direction, arrays[f"{self.name}.kernel"])


@dataclass(frozen=True)
class Convolution(Linear):
    """Patches of 4 x 4, at every second place of an image in a frame of zeros, times a matrix."""

    size: int  # height and width of the larger image

    def within_patches(self, framed: np.ndarray) -> Iterator[np.ndarray]:
        """The first number of all patches in an image in its frame, the second of all, up to the 16th."""
        for row, column in np.ndindex(4, 4):
            yield framed[:, row : row + self.size : 2, column : column + self.size : 2]

    def patches(self, x: np.ndarray) -> np.ndarray:
        """Rows -> (B · patches, 16 · channels)."""
        framed = np.pad(x.reshape(len(x), self.size, self.size, -1), ((0, 0), (1, 1), (1, 1), (0, 0)))
        return np.stack([*self.within_patches(framed)], axis=3).reshape(-1, 16 * framed.shape[-1])

    def product(self, x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return (self.patches(x) @ kernel.reshape(-1, kernel.shape[-1])).reshape(len(x), -1)

    def transposed(self, delta: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        """Every patch adds itself where it was taken from."""
        channels_in, channels_out = kernel.shape[-2:]
        patches = delta.reshape(-1, channels_out) @ kernel.reshape(-1, channels_out).T
        patches = patches.reshape(len(delta), self.size // 2, self.size // 2, 16, channels_in)
        framed = np.zeros((len(delta), self.size + 2, self.size + 2, channels_in))
        for number, place in enumerate(self.within_patches(framed)):
            place += patches[:, :, :, number]
        return framed[:, 1:-1, 1:-1].reshape(len(delta), -1)

    def kernel_gradient(self, x: np.ndarray, delta: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return (self.patches(x).T @ delta.reshape(-1, shape[-1])).reshape(shape)


@dataclass(frozen=True)
class TransposedConvolution(Convolution):
    """From the smaller image to the larger, as the gradient of a convolution goes."""

    def product(self, x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return super().transposed(x, kernel)

    def transposed(self, delta: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return super().product(delta, kernel)

    def kernel_gradient(self, x: np.ndarray, delta: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return super().kernel_gradient(delta, x, shape)


@dataclass(frozen=True)
class BatchNormalisation(Layer):
    """gamma x' + beta with x' = (x - mean) / sqrt(variance + epsilon), for each channel."""

    name: str

    def channels(self, arrays: Arrays, x: np.ndarray) -> np.ndarray:
        """(B · places, channels)."""
        return x.reshape(-1, len(arrays[f"{self.name}.gamma"]))

    def normalised(self, arrays: Arrays, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x' and sqrt(variance + epsilon), by the batch's own mean and variance."""
        each = self.channels(arrays, x)
        deviation = np.sqrt(each.var(axis=0) + NORM_EPSILON)
        return (each - each.mean(axis=0)) / deviation, deviation

    def forward(self, arrays: Arrays, x: np.ndarray, training: bool) -> np.ndarray:
        each = self.channels(arrays, x)
        mean, variance = f"{self.name}.running_mean", f"{self.name}.running_variance"
        if training:
            normal, _ = self.normalised(arrays, x)
            unbiased = each.var(axis=0) * len(each) / (len(each) - 1)
            arrays[mean] = 0.9 * arrays[mean] + 0.1 * each.mean(axis=0)
            arrays[variance] = 0.9 * arrays[variance] + 0.1 * unbiased
        else:
            normal = (each - arrays[mean]) / np.sqrt(arrays[variance] + NORM_EPSILON)
        return (arrays[f"{self.name}.gamma"] * normal + arrays[f"{self.name}.beta"]).reshape(x.shape)

    def backward(self, arrays: Arrays, x: np.ndarray, delta: np.ndarray) -> np.ndarray:
        """Through x' itself, through the mean and through the variance, which all depend on x."""
        normal, deviation = self.normalised(arrays, x)
        each = arrays[f"{self.name}.gamma"] * self.channels(arrays, delta)
        through_both = each.mean(axis=0) + normal * (each * normal).mean(axis=0)
        return ((each - through_both) / deviation).reshape(x.shape)

    def gradients(self, arrays: Arrays, x: np.ndarray, delta: np.ndarray) -> Arrays:
        normal, _ = self.normalised(arrays, x)
        each = self.channels(arrays, delta)
        return {
            f"{self.name}.gamma": (each * normal).sum(axis=0),
            f"{self.name}.beta": each.sum(axis=0),
        }


@dataclass(frozen=True)
class LabelPlanes(Layer):
    """Behind the pixels of a place, as channels, all that stands behind the image."""

    def forward(self, arrays: Arrays, x: np.ndarray, training: bool) -> np.ndarray:
        pixels, labels = x[:, :PIXELS, np.newaxis], x[:, np.newaxis, PIXELS:]
        return np.concatenate([pixels, np.repeat(labels, PIXELS, axis=1)], axis=2).reshape(len(x), -1)

    def backward(self, arrays: Arrays, x: np.ndarray, delta: np.ndarray) -> np.ndarray:
        planes = delta.reshape(len(x), PIXELS, -1)
        return np.concatenate([planes[:, :, 0], planes[:, :, 1:].sum(axis=1)], axis=1)

    def tangent(self, arrays: Arrays, x: np.ndarray, direction: np.ndarray) -> np.ndarray:
        return self.forward(arrays, direction, training=False)


def dense_layers(network: str) -> Sequence[Layer]:
    names = [f"{network}.dense{number}" for number in (1, 2, 3, 4)]
    return [layer for name in names for layer in (Linear(name), Bias(name), LeakyReLU())][:-1]


LAYERS: Mapping[str, Mapping[str, Sequence[Layer]]] = {
    "dense": {network: dense_layers(network) for network in ("discriminator", "generator")},
    "convolutional": {
        "discriminator": [
            LabelPlanes(),
            Convolution("discriminator.conv1", 28),
            Bias("discriminator.conv1"),
            LeakyReLU(),
            Convolution("discriminator.conv2", 14),
            Bias("discriminator.conv2"),
            LeakyReLU(),
            Linear("discriminator.dense1"),
            Bias("discriminator.dense1"),
            LeakyReLU(),
            Linear("discriminator.dense2"),
            Bias("discriminator.dense2"),
        ],
        "generator": [
            Linear("generator.dense"),
            BatchNormalisation("generator.norm1"),
            LeakyReLU(),
            TransposedConvolution("generator.conv1", 14),
            BatchNormalisation("generator.norm2"),
            LeakyReLU(),
            TransposedConvolution("generator.conv2", 28),
            Bias("generator.conv2"),
        ],
    },
}

# The game ----------------------------------------------------------------------------------------


class NumpyGAN:
    """Weights, Adam's moments and averages under their canonical names, and one iteration of training."""

    discriminator_loss = staticmethod(discriminator_loss)
    generator_loss = staticmethod(generator_loss)
    output = staticmethod(sigmoid)

    @staticmethod
    def discriminator_slopes(
        real_logits: np.ndarray, fake_logits: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """d(-log D)/dl = D - 1 and d(-log(1 - D))/dl = D: what each image adds to the gradient."""
        return sigmoid(real_logits) - 1, sigmoid(fake_logits)

    @staticmethod
    def generator_slopes(fake_logits: np.ndarray) -> np.ndarray:
        """d(-log D)/dl = D - 1."""
        return sigmoid(fake_logits) - 1

    def __init__(self, config: Config, arrays: Arrays) -> None:
        self.config = config
        self.layers = LAYERS[config.networks]
        self.arrays = {name: array.astype(np.float64) for name, array in arrays.items()}
        self.updates = Counter[str]()  # of each network

    def forward(self, network: str, x: np.ndarray, training: bool = False) -> list[np.ndarray]:
        """The input of every layer, and last the output before sigmoid or tanh."""
        inputs = [x]
        for layer in self.layers[network]:
            inputs.append(layer.forward(self.arrays, inputs[-1], training))
        return inputs

    def generate(self, noise: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """What `forward` has in training, and the images, which take over the labels of the noise."""
        inputs = self.forward("generator", noise, training=True)
        return inputs, np.concatenate([np.tanh(inputs[-1]), noise[:, self.config.noise_dim :]], axis=1)

    def deltas(
        self, network: str, inputs: list[np.ndarray], gradient: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """dL/d(output) -> dL/d(output of each layer), and dL/d(input)."""
        found = []
        for layer, x in zip(reversed(self.layers[network]), inputs[-2::-1], strict=True):
            found.append(gradient)
            gradient = layer.backward(self.arrays, x, gradient)
        return found[::-1], gradient

    def backward(
        self, network: str, inputs: list[np.ndarray], gradient: np.ndarray
    ) -> tuple[Arrays, np.ndarray]:
        """dL/d(output) -> dL/d(weights) and dL/d(input)."""
        gradients: Arrays = {}
        deltas, gradient = self.deltas(network, inputs, gradient)
        for layer, x, delta in zip(self.layers[network], inputs[:-1], deltas, strict=True):
            gradients |= layer.gradients(self.arrays, x, delta)
        return gradients, gradient

    def adam(self, network: str, gradients: Arrays) -> None:
        """Kingma & Ba, 2014, algorithm 1."""
        self.updates[network] += 1
        step = self.updates[network]
        beta1, beta2 = self.config.beta1, self.config.beta2
        for name, gradient in gradients.items():
            m = beta1 * self.arrays[f"{name}.adam_m"] + (1 - beta1) * gradient
            v = beta2 * self.arrays[f"{name}.adam_v"] + (1 - beta2) * gradient**2
            corrected_m, corrected_v = m / (1 - beta1**step), v / (1 - beta2**step)
            self.arrays[name] -= self.config.lr * corrected_m / (np.sqrt(corrected_v) + EPSILON)
            self.arrays[f"{name}.adam_m"], self.arrays[f"{name}.adam_v"] = m, v

    def train_step(self, batch: Batch | CriticBatches) -> dict[str, float]:
        """One iteration; what it reports of losses and of D."""
        real_images, d_noise, g_noise = (array.astype(np.float64) for array in batch)
        if self.config.update_order == "generator-first":
            g_metrics = self.generator_step(g_noise)
            d_metrics = self.discriminator_step(real_images, d_noise)
        else:
            d_metrics = self.discriminator_step(real_images, d_noise)
            g_metrics = self.generator_step(g_noise)
        return d_metrics | g_metrics

    def discriminator_step(self, real_images: np.ndarray, noise: np.ndarray) -> dict[str, float]:
        _, fake_images = self.generate(noise)
        inputs = self.forward("discriminator", np.concatenate([real_images, fake_images]))
        real_logits, fake_logits = np.split(inputs[-1], 2)
        slopes = np.concatenate(self.discriminator_slopes(real_logits, fake_logits))
        gradients, _ = self.backward("discriminator", inputs, slopes / len(noise))
        self.adam("discriminator", gradients)
        return {
            "d_loss": self.discriminator_loss(real_logits, fake_logits),
            "d_real": float(self.output(real_logits).mean()),
            "d_fake": float(self.output(fake_logits).mean()),
        }

    def generator_step(self, noise: np.ndarray) -> dict[str, float]:
        g_inputs, fake_images = self.generate(noise)
        d_inputs = self.forward("discriminator", fake_images)
        slopes = self.generator_slopes(d_inputs[-1])
        _, gradient = self.backward("discriminator", d_inputs, slopes / len(noise))
        pixels = fake_images[:, :PIXELS]
        gradients, _ = self.backward("generator", g_inputs, gradient[:, :PIXELS] * (1 - pixels**2))
        self.adam("generator", gradients)
        if self.config.ema_decay:
            self.average(list(gradients))
        return {"g_loss": self.generator_loss(d_inputs[-1])}

    def average(self, names: list[str]) -> None:
        """Keep the moving average of the weights with these names; it begins with them."""
        decay = self.config.ema_decay if self.updates["generator"] > 1 else 0
        for name in names:
            before = self.arrays.get(f"{name}.average", 0)
            self.arrays[f"{name}.average"] = decay * before + (1 - decay) * self.arrays[name]


class NumpyLeastSquaresGAN(NumpyGAN):
    """With 1/2 mean (D(x) - 1)^2 + 1/2 mean D(G(z))^2, and 1/2 mean (D(G(z)) - 1)^2 for the generator."""

    @staticmethod
    def discriminator_loss(real_logits: np.ndarray, fake_logits: np.ndarray) -> float:
        return float(np.square(real_logits - 1).mean() / 2 + np.square(fake_logits).mean() / 2)

    @staticmethod
    def generator_loss(fake_logits: np.ndarray) -> float:
        return float(np.square(fake_logits - 1).mean() / 2)

    @staticmethod
    def output(logits: np.ndarray) -> np.ndarray:
        return logits

    @staticmethod
    def discriminator_slopes(
        real_logits: np.ndarray, fake_logits: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return real_logits - 1, fake_logits

    @staticmethod
    def generator_slopes(fake_logits: np.ndarray) -> np.ndarray:
        return fake_logits - 1


class NumpyWassersteinGAN(NumpyGAN):
    """With a critic: -mean D(x) + mean D(G(z)) + penalty, and -mean D(G(z)) for the generator."""

    @staticmethod
    def generator_loss(fake_logits: np.ndarray) -> float:
        return float(-fake_logits.mean())

    @staticmethod
    def generator_slopes(fake_logits: np.ndarray) -> np.ndarray:
        return -np.ones_like(fake_logits)

    def train_step(self, batch: Batch | CriticBatches) -> dict[str, float]:
        real_images, d_noise, g_noise, mixing = (array.astype(np.float64) for array in batch)
        for critic_batch in zip(real_images, d_noise, mixing, strict=True):
            metrics = self.critic_step(*critic_batch)
        return metrics | self.generator_step(g_noise)

    def critic_step(self, real_images: np.ndarray, noise: np.ndarray, mixing: np.ndarray) -> dict[str, float]:
        _, fake_images = self.generate(noise)
        inputs = self.forward("discriminator", np.concatenate([real_images, fake_images]))
        real_values, fake_values = np.split(inputs[-1], 2)
        slopes = np.concatenate([-np.ones_like(real_values), np.ones_like(fake_values)])
        gradients, _ = self.backward("discriminator", inputs, slopes / len(noise))
        penalty, of_penalty = self.gradient_penalty(mixing * real_images + (1 - mixing) * fake_images)
        for name, gradient in of_penalty.items():
            gradients[name] += self.config.gradient_penalty * gradient
        self.adam("discriminator", gradients)
        return {
            "distance": float(real_values.mean() - fake_values.mean()),
            "penalty": self.config.gradient_penalty * penalty,
            "d_real": float(real_values.mean()),
            "d_fake": float(fake_values.mean()),
        }

    def gradient_penalty(self, images: np.ndarray) -> tuple[float, Arrays]:
        """P = mean (|g| - 1)^2 with g = dD(x)/dx, for the pixels alone, and its gradient for the kernels.

        Where LeakyReLU multiplies by m, 1 or its slope, g = W1 m1 W2 m2 W3 m3 W4: linear in each kernel. So
        dP/dg runs forward through the layers, and meets in each kernel what came back from D. Biases only
        decide about m, which a small step does not change: their gradient is 0.
        """
        inputs = self.forward("discriminator", images)
        deltas, g = self.deltas("discriminator", inputs, np.ones((len(images), 1)))
        g[:, PIXELS:] = 0
        norms = np.linalg.norm(g, axis=1, keepdims=True)
        tangent = 2 * (norms - 1) * g / norms / len(images)
        gradients: Arrays = {}
        for layer, x, delta in zip(self.layers["discriminator"], inputs[:-1], deltas, strict=True):
            if isinstance(layer, Linear):
                gradients |= layer.gradients(self.arrays, tangent, delta)
            tangent = layer.tangent(self.arrays, x, tangent)
        return float(np.square(norms - 1).mean()), gradients


LOSSES = {
    "non-saturating": NumpyGAN,
    "least-squares": NumpyLeastSquaresGAN,
    "wasserstein": NumpyWassersteinGAN,
}


def make_numpy_gan(config: Config, arrays: Arrays) -> NumpyGAN:
    """The one that the settings ask for."""
    return LOSSES[config.loss](config, arrays)
