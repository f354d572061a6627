"""The loop of a plain PyTorch tutorial, to compare with: the same networks, nothing thought about.

A DataLoader that transforms image by image, a sigmoid and BCELoss, no `detach`, Adam as it comes.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.pace import paced
from common.config import Config
from common.data.datasets import load
from common.data.mnist import IMAGE_SIZE, Images, default_data_dir, idx_header


def torchvision_module() -> ModuleType:
    """torchvision, also where its wheel does not import beside a CPU build of PyTorch from elsewhere.

    What it misses there are two compiled operators that nothing here uses: declaring them is enough.
    """
    try:
        import torchvision
    except RuntimeError:
        for operator in ("nms", "qnms"):
            signature = "(Tensor boxes, Tensor scores, float iou_threshold) -> Tensor"
            torch.library.define(f"torchvision::{operator}", signature)
        import torchvision
    return torchvision


def data_set(images: Images, root: Path) -> Dataset[tuple[Tensor, int]]:
    """`torchvision.datasets.MNIST` of `images`, which are written below `root` as it expects them."""
    torchvision = torchvision_module()
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    pixels = images.pixels.reshape(-1, IMAGE_SIZE, IMAGE_SIZE)
    for split in ("train", "t10k"):  # it wants to see both
        for name, array in (
            (f"{split}-images-idx3-ubyte", pixels),
            (f"{split}-labels-idx1-ubyte", images.labels),
        ):
            (folder / name).write_bytes(idx_header(array) + array.tobytes())
    transforms = torchvision.transforms
    return torchvision.datasets.MNIST(
        root,
        train=True,
        transform=transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]),
    )


def main(settings: str) -> None:
    config = Config(**json.loads(settings))
    discriminator = nn.Sequential(
        nn.Linear(784, 1024),
        nn.LeakyReLU(0.2),
        nn.Dropout(config.dropout),
        nn.Linear(1024, 512),
        nn.LeakyReLU(0.2),
        nn.Dropout(config.dropout),
        nn.Linear(512, 256),
        nn.LeakyReLU(0.2),
        nn.Dropout(config.dropout),
        nn.Linear(256, 1),
        nn.Sigmoid(),
    )
    generator = nn.Sequential(
        nn.Linear(config.noise_dim, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 512),
        nn.LeakyReLU(0.2),
        nn.Linear(512, 1024),
        nn.LeakyReLU(0.2),
        nn.Linear(1024, 784),
        nn.Tanh(),
    )
    criterion = nn.BCELoss()
    betas = (config.beta1, config.beta2)
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=config.lr, betas=betas)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=config.lr, betas=betas)

    for _, real_images in zip(paced(), endless_batches(config.batch_size), strict=False):
        real_labels = torch.ones(config.batch_size, 1)
        fake_labels = torch.zeros(config.batch_size, 1)

        fake_images = generator(torch.randn(config.batch_size, config.noise_dim))
        d_loss = criterion(discriminator(real_images), real_labels)
        d_loss = d_loss + criterion(discriminator(fake_images), fake_labels)
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()

        fake_images = generator(torch.randn(config.batch_size, config.noise_dim))
        g_loss = criterion(discriminator(fake_images), real_labels)
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()

        d_loss.item(), g_loss.item()


def endless_batches(batch_size: int) -> Iterator[Tensor]:
    """Epoch after epoch of a DataLoader: float32 (batch_size, 784)."""
    with tempfile.TemporaryDirectory() as folder:
        images = load("auto", default_data_dir())
        loader = DataLoader(
            data_set(images, Path(folder)), batch_size=batch_size, shuffle=True, drop_last=True
        )
        while True:
            for batch, _ in loader:
                yield batch.view(batch_size, -1)


if __name__ == "__main__":
    main(sys.argv[1])
