"""The loop of PyTorch's DCGAN tutorial (dcgan_faces_tutorial), to compare with: with our networks.

D learns from real and from generated images in two passes, G from the same generated images. Layers and Adam
as they come, a sigmoid and BCELoss, the DataLoader of `plain_pytorch.py`.
"""

import json
import sys

import torch
from torch import nn

from benchmarks.pace import paced
from benchmarks.plain_pytorch import endless_batches
from common.config import Config


def main(settings: str) -> None:
    config = Config(**json.loads(settings))
    discriminator = nn.Sequential(
        nn.Conv2d(1, 32, 4, 2, 1),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Dropout(config.dropout),
        nn.Conv2d(32, 64, 4, 2, 1),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Dropout(config.dropout),
        nn.Flatten(),
        nn.Linear(7 * 7 * 64, 256),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Dropout(config.dropout),
        nn.Linear(256, 1),
        nn.Sigmoid(),
    )
    generator = nn.Sequential(
        nn.Linear(config.noise_dim, 7 * 7 * 64, bias=False),
        nn.Unflatten(1, (64, 7, 7)),
        nn.BatchNorm2d(64),
        nn.LeakyReLU(0.2, inplace=True),
        nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False),
        nn.BatchNorm2d(32),
        nn.LeakyReLU(0.2, inplace=True),
        nn.ConvTranspose2d(32, 1, 4, 2, 1),
        nn.Tanh(),
    )
    criterion = nn.BCELoss()
    betas = (config.beta1, config.beta2)
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=config.lr, betas=betas)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=config.lr, betas=betas)

    for _, rows in zip(paced(), endless_batches(config.batch_size), strict=False):
        real_images = rows.view(-1, 1, 28, 28)
        discriminator.zero_grad()
        labels = torch.full((config.batch_size,), 1.0)
        real_loss = criterion(discriminator(real_images).view(-1), labels)
        real_loss.backward()
        fake_images = generator(torch.randn(config.batch_size, config.noise_dim))
        labels.fill_(0.0)
        fake_loss = criterion(discriminator(fake_images.detach()).view(-1), labels)
        fake_loss.backward()
        d_optimizer.step()

        generator.zero_grad()
        labels.fill_(1.0)
        g_loss = criterion(discriminator(fake_images).view(-1), labels)
        g_loss.backward()
        g_optimizer.step()

        (real_loss + fake_loss).item(), g_loss.item()


if __name__ == "__main__":
    main(sys.argv[1])
