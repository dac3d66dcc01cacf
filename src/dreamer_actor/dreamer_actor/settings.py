"""The actor's parameters as checked values."""

from __future__ import annotations

from typing import cast

import torch

from dreamer_actor.controller import Mode
from dreamer_learning.config import ConfigError, nearest

MODES = ('train', 'eval')


def check_device(name: str) -> torch.device:
    """A torch device that this machine has.

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


def check_mode(name: str) -> Mode:
    """'train' or 'eval'.

    Raises:
        ConfigError: anything else.
    """
    if name not in MODES:
        raise ConfigError(f"parameter mode: '{name}' is not allowed; {nearest(name, MODES)}")
    return cast(Mode, name)


def check_count(name: str, value: int) -> int:
    """A number of at least 0.

    Raises:
        ConfigError: it is negative.
    """
    if value < 0:
        raise ConfigError(f'parameter {name}: {value} is not allowed; at least 0')
    return value
