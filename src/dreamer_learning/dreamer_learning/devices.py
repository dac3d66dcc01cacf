"""What training computes on: the torch device that a user asks for and the compiler that it may need, tried before anything is
built on them, and memory."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from typing import Literal, get_args

import torch

from dreamer_learning.config import ConfigError, nearest

Precision = Literal['float32', 'bfloat16']
"""Of matrix products and convolutions in an update, and of what goes between them; parameters, distributions, losses, the filter
and the imagination of few rows (rssm.py) are float32 in either. DreamerV3's public code computes in bfloat16."""
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

# glibc's malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def check_device(name: str) -> torch.device:
    """A torch device that this machine has.

    Args:
        name: value of the parameter `device`, for example 'cpu' or 'cuda:0'.

    Raises:
        ConfigError: unknown, or not there.
    """
    try:
        device = torch.device(name)
        if device.type not in ('cpu', 'cuda'):
            raise RuntimeError('neither the CPU nor a CUDA device')
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        available = ['cpu', *(f'cuda:{index}' for index in range(torch.cuda.device_count()))]
        reason = str(error).splitlines()[0]
        raise ConfigError(f"parameter device: '{name}' cannot be used ({reason}); {nearest(name, available)}") from None
    return device


def keep_freed_memory() -> None:
    """Let this process keep the memory that an update frees for the next one, where the C library is glibc. Taking it from the
    kernel again costs an update 2 to 10%."""
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 2**25)  # the most that glibc allows
        mallopt(M_TRIM_THRESHOLD, 2**30)


def compile_method(owner: object, name: str, backend: str) -> None:
    """Let torch compile a method of one object, for shapes that do not change."""
    setattr(owner, name, torch.compile(getattr(owner, name), backend=backend, dynamic=False))


def leave_plain(owner: object, name: str) -> None:
    """Keep a method of one object out of the graphs of its callers; what it calls may be compiled."""
    setattr(owner, name, torch.compiler.disable(getattr(owner, name), recursive=False))


def check_compiler(device: torch.device) -> None:
    """torch.compile makes C++ code for CPUs.

    Raises:
        ConfigError: the compiler that it takes is not there.
    """
    name = os.environ.get('CXX', 'clang++' if sys.platform == 'darwin' else 'g++')
    if device.type == 'cpu' and shutil.which(name) is None:
        raise ConfigError(f"parameter compile: needs the C++ compiler '{name}' (Debian and Ubuntu: 'apt install g++'); CXX names "
                          'another one')
