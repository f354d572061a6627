"""Where PyTorch computes."""

import torch

from common.machine.device import choose


def select(name: str) -> torch.device:
    """The device called `name`; `auto` is a GPU that can compute, else the CPU.

    Raises:
        UsageError: PyTorch has no such device here, or it cannot compute.
    """
    # Else a GPU would convolve float32 in TF32, with fewer digits, and a variable could have it multiply so.
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    return torch.device(choose(name, devices(), compute, "PyTorch"))


def devices() -> list[str]:
    """All there are, the fastest first. Only here and in TensorFlow: in Keras a backend's."""
    gpus = torch.accelerator.device_count()
    return [*(f"{torch.accelerator.current_accelerator()}:{number}" for number in range(gpus)), "cpu"]


def compute(device: str) -> None:
    """Compute a little on `device`, as a trial. Only here and in TensorFlow: in Keras a backend's."""
    x = torch.ones(2, 2, device=device)
    torch.tanh(x @ x).cpu()


def environment(device: torch.device) -> dict[str, str]:
    """What to keep in the record of a run: version and hardware."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {"torch": torch.__version__, "device": " ".join(filter(None, [str(device), gpu]))}
