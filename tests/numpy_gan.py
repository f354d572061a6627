"""The same GANs in NumPy, every gradient written out by hand: what the frameworks are compared with.

Without dropout, in float64. As in the frameworks, another loss is a subclass, and with labels an image is its
pixels with one-hot numbers behind them. `tests/test_numpy_gan.py` compares the gradients with differences.
"""

from collections import Counter

import numpy as np

from common.checkpoint import Arrays
from common.config import Config
from common.data.mnist import PIXELS
from common.feed import Batch, CriticBatches

SLOPE = 0.2
EPSILON = 1e-8
LAYERS = (1, 2, 3, 4)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(logits / 2))


def discriminator_loss(real_logits: np.ndarray, fake_logits: np.ndarray) -> float:
    """-mean log D(x) - mean log(1 - D(G(z))), with log(1 + exp(l)) as `logaddexp(0, l)`."""
    return float(np.logaddexp(0, -real_logits).mean() + np.logaddexp(0, fake_logits).mean())


def generator_loss(fake_logits: np.ndarray) -> float:
    """-mean log D(G(z))."""
    return float(np.logaddexp(0, -fake_logits).mean())


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
        self.arrays = {name: array.astype(np.float64) for name, array in arrays.items()}
        self.updates = Counter[str]()  # of each network

    def forward(self, network: str, x: np.ndarray) -> list[np.ndarray]:
        """The input of every layer, and last the output before sigmoid or tanh."""
        inputs = [x]
        for layer in LAYERS:
            kernel = self.arrays[f"{network}.dense{layer}.kernel"]
            y = inputs[-1] @ kernel + self.arrays[f"{network}.dense{layer}.bias"]
            inputs.append(y if layer == LAYERS[-1] else np.maximum(y, SLOPE * y))
        return inputs

    def generate(self, noise: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """What `forward` has, and the images, which take over the labels of the noise."""
        inputs = self.forward("generator", noise)
        return inputs, np.concatenate([np.tanh(inputs[-1]), noise[:, self.config.noise_dim :]], axis=1)

    def deltas(
        self, network: str, inputs: list[np.ndarray], gradient: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """dL/d(output) -> dL/d(x W + b) of each layer, and dL/d(input)."""
        found = []
        for layer in reversed(LAYERS):
            if layer != LAYERS[-1]:
                gradient = gradient * np.where(inputs[layer] > 0, 1, SLOPE)
            found.append(gradient)
            gradient = gradient @ self.arrays[f"{network}.dense{layer}.kernel"].T
        return found[::-1], gradient

    def backward(
        self, network: str, inputs: list[np.ndarray], gradient: np.ndarray
    ) -> tuple[Arrays, np.ndarray]:
        """dL/d(output) -> dL/d(weights) and dL/d(input)."""
        gradients: Arrays = {}
        deltas, gradient = self.deltas(network, inputs, gradient)
        for layer, x, delta in zip(LAYERS, inputs[:-1], deltas, strict=True):
            gradients[f"{network}.dense{layer}.kernel"] = x.T @ delta
            gradients[f"{network}.dense{layer}.bias"] = delta.sum(axis=0)
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
        for layer, delta in zip(LAYERS, deltas, strict=True):
            name = f"discriminator.dense{layer}.kernel"
            gradients[name] = tangent.T @ delta
            tangent = (tangent @ self.arrays[name]) * np.where(inputs[layer] > 0, 1, SLOPE)
        return float(np.square(norms - 1).mean()), gradients


LOSSES = {
    "non-saturating": NumpyGAN,
    "least-squares": NumpyLeastSquaresGAN,
    "wasserstein": NumpyWassersteinGAN,
}


def make_numpy_gan(config: Config, arrays: Arrays) -> NumpyGAN:
    """The one that the settings ask for."""
    return LOSSES[config.loss](config, arrays)
