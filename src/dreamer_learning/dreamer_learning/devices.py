"""The torch device that a user asks for, and the compiler that it may need, tried before anything is built on them."""

from __future__ import annotations

import os
import shutil
import sys

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


def check_compiler(device: torch.device) -> None:
    """torch.compile makes C++ code for CPUs.

    Raises:
        ConfigError: the compiler that it takes is not there.
    """
    name = os.environ.get('CXX', 'clang++' if sys.platform == 'darwin' else 'g++')
    if device.type == 'cpu' and shutil.which(name) is None:
        raise ConfigError(f"parameter compile: needs the C++ compiler '{name}' (Debian and Ubuntu: 'apt install g++'); CXX names "
                          'another one')
