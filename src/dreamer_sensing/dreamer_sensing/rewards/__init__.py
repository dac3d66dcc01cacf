"""Rewards: one pure function a file, and the names under which tasks ask for them."""

from __future__ import annotations

from collections.abc import Callable

from dreamer_learning.config import ConfigError, nearest
from dreamer_sensing.rewards.a1_walk import a1_walk
from dreamer_sensing.rewards.state import RewardState

Reward = Callable[[RewardState], tuple[float, dict[str, float]]]
"""From a state to the total and its named parts."""

REWARDS: dict[str, Reward] = {'a1_walk': a1_walk}


def find_reward(name: str) -> Reward:
    """The reward function of this name.

    Raises:
        ConfigError: no such reward.
    """
    if name not in REWARDS:
        raise ConfigError(f"reward '{name}' does not exist; {nearest(name, REWARDS)}")
    return REWARDS[name]
