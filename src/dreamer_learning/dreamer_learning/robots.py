"""What several rooms know alike of a robot: which joint angles actions stand for. Does not import torch."""

from __future__ import annotations

import dataclasses
import fnmatch
import math
from collections.abc import Mapping, Sequence

import numpy as np

from dreamer_learning.config import ConfigError


@dataclasses.dataclass(frozen=True)
class ActionRange:
    """One entry of the key `action_range` in config/robots/<robot>.yaml.

    Attributes:
        lower, upper: rad, the motor's range.
        fraction: part of that range which actions use: -1 is the first, 1 the second.
    """

    lower: float
    upper: float
    fraction: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lower) and math.isfinite(self.upper) and self.lower < self.upper):
            raise ConfigError(f'lower {self.lower} must be below upper {self.upper}, both finite')
        if not 0 <= self.fraction[0] < self.fraction[1] <= 1:
            raise ConfigError(f'fraction {list(self.fraction)}: two rising numbers from 0 to 1')


def joint_ranges(ranges: Mapping[str, ActionRange], joints: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Angles (J,) and (J,) that the actions -1 and 1 stand for, rad.

    Args:
        ranges: pattern of joint names, for example '*_hip_joint' -> their range.
        joints: J names in the order of actions.

    Raises:
        ConfigError: a joint that no pattern, or more than one, matches.
    """
    chosen = [_range_of(joint, ranges) for joint in joints]
    lower = np.array([item.lower for item in chosen])
    span = np.array([item.upper for item in chosen]) - lower
    first = np.array([item.fraction[0] for item in chosen])
    last = np.array([item.fraction[1] for item in chosen])
    return lower + span * first, lower + span * last


def _range_of(joint: str, ranges: Mapping[str, ActionRange]) -> ActionRange:
    patterns = [pattern for pattern in ranges if fnmatch.fnmatchcase(joint, pattern)]
    if len(patterns) != 1:
        found = f'patterns {", ".join(patterns)}' if patterns else 'no pattern'
        raise ConfigError(f"action_range: joint '{joint}' matches {found}, must match one of: {', '.join(ranges)}")
    return ranges[patterns[0]]
