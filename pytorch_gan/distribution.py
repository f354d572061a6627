"""The GAN on several devices: each has a process of its own, with all weights, and its rows of every batch.

Between the gradients and the update the processes average their gradients, so all make the same update.
torchrun starts them and sets the variables by which they find each other, on one machine or on several.

`DistributedDataParallel` averages too, but for a network that is called once and differentiated once. Here a
penalty differentiates gradients, and the generator learns through a discriminator that does not.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from torch.distributed.rendezvous import rendezvous

from common.config import Config
from common.errors import GanError
from common.feed import Feed
from common.machine.device import with_others
from common.machine.hardware import usable_cores
from common.runs.recorder import Recorder
from common.runs.together import GONE
from pytorch_gan import device, training, variants
from pytorch_gan.training import GAN

TO_MEET = timedelta(seconds=45)  # for the processes: one of them may never come
STARTED_BY = os.getppid()


def select(name: str) -> torch.device:
    """The device of this process, which from here on is one of several.

    Raises:
        UsageError: PyTorch has not so many here.
        GanError: the processes do not find each other.
    """
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # the rest of them are on other machines
    devices = with_others(str(device.select(name)), here, device.devices(), "PyTorch")
    chosen = torch.device(devices[int(os.environ.get("LOCAL_RANK", "0"))])
    if chosen.type == "cpu":
        torch.set_num_threads(max(1, usable_cores() // here))
    else:
        torch.accelerator.set_device_index(chosen)
    try:
        store, rank, size = next(rendezvous("env://", timeout=TO_MEET))
        backend = dist.get_default_backend_for_device(chosen)  # NCCL between GPUs, Gloo between CPUs
        dist.init_process_group(backend, store=store, rank=rank, world_size=size)
    except (dist.DistError, ValueError) as error:
        address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        if "EADDRINUSE" in str(error):
            raise GanError(
                f"{address}, where the processes are to meet, is taken; choose another port."
            ) from None
        raise GanError(
            f"The {os.environ.get('WORLD_SIZE')} processes did not all come to {address} within "
            f"{TO_MEET.seconds} s; look at what the others say, and whether they can reach it."
        ) from None
    return chosen


def make_gan(config: Config, chosen: torch.device) -> GAN:
    """The game, with gradients and batch statistics of all devices."""
    gan = variants.make_gan(config, chosen)
    for optimizer in (gan.d_optimizer, gan.g_optimizer):
        average_gradients(optimizer)
    for name, layer in [*gan.generator.named_children()]:
        if isinstance(layer, nn.BatchNorm2d):
            setattr(gan.generator, name, SynchronisedNorm(layer))
    on_all_devices(gan)
    return gan


def train(gan: GAN, feed: Feed, recorder: Recorder, chosen: torch.device) -> None:
    """`training.train` with the rows of this process.

    Raises:
        GanError: another process is gone.
    """
    share = replace(feed, device=dist.get_rank(), devices=dist.get_world_size())
    with sure_of_the_others():
        training.train(gan, share, recorder, chosen)
    dist.destroy_process_group()


def from_first(array: np.ndarray) -> np.ndarray:
    """What the first process has.

    Raises:
        GanError: another process is gone, or torchrun.
    """
    if dist.is_torchelastic_launched() and os.getppid() != STARTED_BY:
        raise GanError(
            "torchrun, which started the processes of this training, is gone; go on from the last checkpoint "
            "with --resume."
        )
    between_cpus = dist.get_backend() == dist.Backend.GLOO
    device_of_this = "cpu" if between_cpus else torch.accelerator.current_accelerator()
    tensor = torch.tensor(array, device=device_of_this)
    with sure_of_the_others():
        dist.broadcast(tensor, src=0)
    return tensor.cpu().numpy()


@contextmanager
def sure_of_the_others() -> Iterator[None]:
    """Say it in a sentence where a process waits for another one that is gone."""
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, dist.DistError) or "gloo" in str(error)):
            raise
        raise GanError(GONE) from None


def means_over_devices(tensors: list[Tensor]) -> list[Tensor]:
    """The mean of each tensor over all devices."""
    together = torch.cat([tensor.flatten() for tensor in tensors])  # in one message
    dist.all_reduce(together)
    together /= dist.get_world_size()
    parts = together.split([tensor.numel() for tensor in tensors])
    return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]


def average_gradients(optimizer: torch.optim.Optimizer) -> None:
    """Before each update, put the mean over all devices into the place of each gradient."""

    def average(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        for weight, mean in zip(weights, means_over_devices([one.grad for one in weights]), strict=True):
            weight.grad.copy_(mean)

    optimizer.register_step_pre_hook(average)


def on_all_devices(gan: GAN) -> None:
    """Let the iteration, which takes place on each device with its rows, return means over all of them."""
    step = gan.train_step

    def train_step(*batch: Tensor) -> dict[str, Tensor]:
        metrics = step(*batch)
        return dict(zip(metrics, means_over_devices([*metrics.values()]), strict=True))

    gan.train_step = train_step  # type: ignore[method-assign, assignment]


class MeanOverDevices(torch.autograd.Function):
    """The mean of a tensor over all devices; its gradient is the mean of theirs.

    Only here: in TensorFlow `means_over_devices` can be differentiated.
    """

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        (mean,) = means_over_devices([x])
        return mean

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        return mean_over_devices(gradient)


mean_over_devices = cast(Callable[[Tensor], Tensor], MeanOverDevices.apply)


class SynchronisedNorm(nn.BatchNorm2d):
    """Batch normalisation by the statistics of the whole batch. `nn.SyncBatchNorm` does so on GPUs alone."""

    running_mean: Tensor
    running_var: Tensor
    momentum: float

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum)
        self.weight, self.bias = norm.weight, norm.bias  # those that the optimiser knows

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, height, width) -> the same shape, with the B rows of this device."""
        if not self.training:
            return super().forward(x)
        mean = mean_over_devices(x.mean(dim=(0, 2, 3)))
        centred = x - mean[:, None, None]
        variance = mean_over_devices((centred**2).mean(dim=(0, 2, 3)))
        m = dist.get_world_size() * x.numel() // self.num_features
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(m / (m - 1) * variance, self.momentum)
        scale = self.weight / torch.sqrt(variance + self.eps)
        return centred * scale[:, None, None] + self.bias[:, None, None]


def launch(name: str, count: int) -> int:
    """Have torchrun start a process with this command for each of `count` devices; return the exit status.

    Only here: in the other frameworks one process has all devices.

    Raises:
        UsageError: PyTorch has not so many here.
    """
    with_others(str(device.select(name)), count, device.devices(), "PyTorch")
    logging.disable()  # torchrun tells at length what the processes say themselves
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",  # at a port that is free
        run_id="gan",
        max_restarts=0,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "pytorch_gan", *sys.argv[1:])
    except ChildFailedError as error:
        failure = error.failures.get(0, error.get_first_failure()[1])
        return max(1, failure.exitcode)  # below 0 where a signal ended it
    except SignalException as stopped:
        return 128 + stopped.sigval
    return 0
