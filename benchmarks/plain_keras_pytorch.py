"""The loop of Keras' guide for PyTorch (keras.io/guides/custom_train_step_in_torch), our networks.

`fit` on a DataLoader; a train_step with real and generated images in one batch, noisy labels, nothing cut.
"""

import sys
from typing import Any

import keras
import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.plain_keras import PlainGAN, fit, settings_and_pixels


class GAN(PlainGAN):
    """The guide's training step."""

    def train_step(self, batch: Any) -> dict[str, Any]:
        """One iteration."""
        (real_images,) = batch
        batch_size = real_images.shape[0]
        noise = keras.random.normal((batch_size, self.noise_dim), seed=self.seed_generator)
        images = torch.concat([self.generator(noise), real_images], dim=0)
        labels = torch.concat([torch.ones((batch_size, 1)), torch.zeros((batch_size, 1))], dim=0)
        labels += 0.05 * keras.random.uniform(labels.shape, seed=self.seed_generator)
        d_loss = self.loss_fn(labels, self.discriminator(images, training=True))
        self.zero_grad()
        d_loss.backward()
        gradients = [weight.value.grad for weight in self.discriminator.trainable_weights]
        with torch.no_grad():
            self.d_optimizer.apply(gradients, self.discriminator.trainable_weights)

        noise = keras.random.normal((batch_size, self.noise_dim), seed=self.seed_generator)
        misleading_labels = torch.zeros((batch_size, 1))
        predictions = self.discriminator(self.generator(noise), training=True)
        g_loss = self.loss_fn(misleading_labels, predictions)
        self.zero_grad()
        g_loss.backward()
        gradients = [weight.value.grad for weight in self.generator.trainable_weights]
        with torch.no_grad():
            self.g_optimizer.apply(gradients, self.generator.trainable_weights)
        return self.losses_so_far(d_loss, g_loss)


def main(settings: str) -> None:
    config, pixels = settings_and_pixels(settings)
    images = TensorDataset(torch.from_numpy(pixels))
    fit(GAN(config, from_logits=True), DataLoader(images, config.batch_size, shuffle=True, drop_last=True))


if __name__ == "__main__":
    main(sys.argv[1])
