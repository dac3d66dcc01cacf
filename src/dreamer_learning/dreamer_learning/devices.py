"""The torch device that a user asks for, tried before anything is built on it."""

from __future__ import annotations

import torch

from dreamer_learning.config import ConfigError, nearest


def check_device(name: str) -> torch.device:
    """A torch device that this machine has.

    Args:
        name: value of the parameter `device`, for example 'cpu' or 'cuda:0'.

    Raises:
        ConfigError: unknown, or not there.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        available = ['cpu', *(f'cuda:{index}' for index in range(torch.cuda.device_count()))]
        reason = str(error).splitlines()[0]
        raise ConfigError(f"parameter device: '{name}' cannot be used ({reason}); {nearest(name, available)}") from None
    return device
