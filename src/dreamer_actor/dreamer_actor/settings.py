"""The actor's parameters as checked values."""

from __future__ import annotations

from typing import cast

from dreamer_actor.controller import Mode
from dreamer_learning.config import ConfigError, nearest

MODES = ('train', 'eval')
RUNTIMES = ('torch', 'onnx')


def check_mode(name: str) -> Mode:
    """'train' or 'eval'.

    Raises:
        ConfigError: anything else.
    """
    if name not in MODES:
        raise ConfigError(f"parameter mode: '{name}' is not allowed; {nearest(name, MODES)}")
    return cast(Mode, name)


def check_runtime(name: str) -> str:
    """'torch' or 'onnx'.

    Raises:
        ConfigError: anything else.
    """
    if name not in RUNTIMES:
        raise ConfigError(f"parameter runtime: '{name}' is not allowed; {nearest(name, RUNTIMES)}")
    return name


def check_count(name: str, value: int) -> int:
    """A number of at least 0.

    Raises:
        ConfigError: it is negative.
    """
    if value < 0:
        raise ConfigError(f'parameter {name}: {value} is not allowed; at least 0')
    return value
