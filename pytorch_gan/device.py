"""Where PyTorch computes."""

import torch

from common.errors import UsageError


def select(name: str) -> torch.device:
    """The device called `name`; `auto` is CUDA, else MPS, else the CPU.

    Raises:
        UsageError: PyTorch has no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError, ImportError):
        raise UsageError(
            f"PyTorch has no --device {name} here; use auto, or cpu, which is always there."
        ) from None
    return device


def environment(device: torch.device) -> dict[str, str]:
    """What to keep in the record of a run: version and hardware."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {"torch": torch.__version__, "device": " ".join(filter(None, [str(device), gpu]))}
