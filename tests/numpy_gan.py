"""The same GAN in NumPy, every gradient written out by hand: what the frameworks are compared with.

Without dropout, in float64.
"""

import numpy as np

from common.checkpoint import Arrays
from common.config import Config
from common.feed import Batch

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

    def __init__(self, config: Config, arrays: Arrays) -> None:
        self.config = config
        self.arrays = {name: array.astype(np.float64) for name, array in arrays.items()}
        self.iteration = 0

    def forward(self, network: str, x: np.ndarray) -> list[np.ndarray]:
        """The input of every layer, and last the output before sigmoid or tanh."""
        inputs = [x]
        for layer in LAYERS:
            kernel = self.arrays[f"{network}.dense{layer}.kernel"]
            y = inputs[-1] @ kernel + self.arrays[f"{network}.dense{layer}.bias"]
            inputs.append(y if layer == LAYERS[-1] else np.maximum(y, SLOPE * y))
        return inputs

    def backward(
        self, network: str, inputs: list[np.ndarray], gradient: np.ndarray
    ) -> tuple[Arrays, np.ndarray]:
        """dL/d(output) -> dL/d(weights) and dL/d(input)."""
        gradients: Arrays = {}
        for layer in reversed(LAYERS):
            if layer != LAYERS[-1]:
                gradient = gradient * np.where(inputs[layer] > 0, 1, SLOPE)
            gradients[f"{network}.dense{layer}.kernel"] = inputs[layer - 1].T @ gradient
            gradients[f"{network}.dense{layer}.bias"] = gradient.sum(axis=0)
            gradient = gradient @ self.arrays[f"{network}.dense{layer}.kernel"].T
        return gradients, gradient

    def adam(self, gradients: Arrays) -> None:
        """Kingma & Ba, 2014, algorithm 1."""
        step = self.iteration + 1
        beta1, beta2 = self.config.beta1, self.config.beta2
        for name, gradient in gradients.items():
            m = beta1 * self.arrays[f"{name}.adam_m"] + (1 - beta1) * gradient
            v = beta2 * self.arrays[f"{name}.adam_v"] + (1 - beta2) * gradient**2
            corrected_m, corrected_v = m / (1 - beta1**step), v / (1 - beta2**step)
            self.arrays[name] -= self.config.lr * corrected_m / (np.sqrt(corrected_v) + EPSILON)
            self.arrays[f"{name}.adam_m"], self.arrays[f"{name}.adam_v"] = m, v

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One iteration; the losses and the means of D(x) and D(G(z))."""
        real_images, d_noise, g_noise = (array.astype(np.float64) for array in batch)
        if self.config.update_order == "generator-first":
            g_metrics = self.generator_step(g_noise)
            d_metrics = self.discriminator_step(real_images, d_noise)
        else:
            d_metrics = self.discriminator_step(real_images, d_noise)
            g_metrics = self.generator_step(g_noise)
        self.iteration += 1
        return d_metrics | g_metrics

    def discriminator_step(self, real_images: np.ndarray, noise: np.ndarray) -> dict[str, float]:
        fake_images = np.tanh(self.forward("generator", noise)[-1])
        inputs = self.forward("discriminator", np.concatenate([real_images, fake_images]))
        real_logits, fake_logits = np.split(inputs[-1], 2)
        # d(-log D)/dl = D - 1 and d(-log(1 - D))/dl = D
        gradient = np.concatenate([sigmoid(real_logits) - 1, sigmoid(fake_logits)]) / len(real_images)
        self.adam(self.backward("discriminator", inputs, gradient)[0])
        return {
            "d_loss": discriminator_loss(real_logits, fake_logits),
            "d_real": float(sigmoid(real_logits).mean()),
            "d_fake": float(sigmoid(fake_logits).mean()),
        }

    def generator_step(self, noise: np.ndarray) -> dict[str, float]:
        g_inputs = self.forward("generator", noise)
        fake_images = np.tanh(g_inputs[-1])
        d_inputs = self.forward("discriminator", fake_images)
        _, gradient = self.backward("discriminator", d_inputs, (sigmoid(d_inputs[-1]) - 1) / len(noise))
        gradients, _ = self.backward("generator", g_inputs, gradient * (1 - fake_images**2))
        self.adam(gradients)
        if self.config.ema_decay:
            self.average(list(gradients))
        return {"g_loss": generator_loss(d_inputs[-1])}

    def average(self, names: list[str]) -> None:
        """Keep the moving average of the weights with these names; it begins with them."""
        decay = self.config.ema_decay if self.iteration else 0
        for name in names:
            before = self.arrays.get(f"{name}.average", 0)
            self.arrays[f"{name}.average"] = decay * before + (1 - decay) * self.arrays[name]
