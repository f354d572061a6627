"""Each network's optimiser, and the moving average of the generator's weights."""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from common.config import Config
from pytorch_gan.networks import Generator


def adam(network: nn.Module, config: Config) -> torch.optim.Adam:
    """Adam (Kingma & Ba, 2014, arXiv:1412.6980, algorithm 1)."""
    return torch.optim.Adam(
        network.parameters(),
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        eps=1e-8,  # added after the bias correction, as in algorithm 1
        fused=True,  # one pass over all the weights
    )


def moving_average(generator: Generator, decay: float) -> AveragedModel:
    """The average of the generator's weights w: decay · average + (1 - decay) · w.

    It begins with w after one update. Only here and in TensorFlow: Keras' optimisers can average.
    """
    return AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(decay))
