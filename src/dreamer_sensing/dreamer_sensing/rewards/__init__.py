"""Rewards: one pure function a file, and the names under which tasks ask for them.

A task may also name a function of the user's own, `module:function`, of any module that Python finds (PYTHONPATH, an
installed package).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from numbers import Real
from typing import Any

from dreamer_learning.config import ConfigError, nearest
from dreamer_sensing.rewards.a1_walk import a1_walk
from dreamer_sensing.rewards.state import RewardState

Reward = Callable[[RewardState], tuple[float, dict[str, float]]]
"""From a state to the total and its named parts."""

REWARDS: dict[str, Reward] = {'a1_walk': a1_walk}


def find_reward(name: str, source: str) -> Reward:
    """The reward function of this name, or of the form `module:function`.

    Args:
        source: the file that asks for it, for messages.

    Raises:
        ConfigError: no such reward, or a module that cannot be imported.
    """
    module, colon, function = name.partition(':')
    if not colon:
        if name not in REWARDS:
            raise ConfigError(f"{source}: reward '{name}' does not exist; {nearest(name, REWARDS)}, or module:function")
        return REWARDS[name]
    try:
        found: Any = getattr(importlib.import_module(module), function, None)
    except Exception as error:
        # Whatever the module does while it is imported.
        raise ConfigError(f"{source}: reward '{name}': {module} cannot be imported: {error}") from error
    if not callable(found):
        raise ConfigError(f"{source}: reward '{name}': {module} has no function '{function}'")
    return found


def try_reward(name: str, source: str, reward: Reward, state: RewardState) -> None:
    """Find a reward that was made for another robot, or gives something else, at the start instead of at the first step.

    Raises:
        ConfigError: it fails, or does not return a finite number and a mapping of numbers.
    """
    try:
        result = reward(state)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"{source}: reward '{name}' fails: {type(error).__name__}: {error}") from error
    total, parts = result if isinstance(result, tuple) and len(result) == 2 else (result, None)
    if not isinstance(total, Real) or not math.isfinite(total) or not isinstance(parts, dict):
        raise ConfigError(f"{source}: reward '{name}' gives {result!r}; allowed: a finite number and a dict of its parts")


__all__ = ['REWARDS', 'Reward', 'RewardState', 'a1_walk', 'find_reward', 'try_reward']
