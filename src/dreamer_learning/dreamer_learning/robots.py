"""What several rooms know alike of a robot: which joint angles actions stand for. Does not import torch."""

from __future__ import annotations

import dataclasses
import fnmatch
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dreamer_learning.config import ConfigError, build, load_yaml

Entry = TypeVar('Entry')


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


@dataclasses.dataclass(frozen=True)
class _Actions:
    """The keys of config/robots/<robot>.yaml that say what actions do."""

    joints: list[str]
    action_range: dict[str, ActionRange]


def robot_identity(config_dir: Path, robot: str) -> dict[str, Any]:
    """What a policy's actions mean on a robot, as plain data: weights fit only where it is the same.

    Args:
        config_dir: folder that holds robots/.
        robot: file name without .yaml.

    Returns:
        'joints': J names in the order of actions, and 'action_range': J pairs, rad, of the angles that -1 and 1 stand for.
        Empty where there is no such file, or one without these keys: actions are no joint angles then.

    Raises:
        ConfigError: a value that is not allowed.
    """
    path = Path(config_dir) / 'robots' / f'{robot}.yaml'
    if not path.is_file():
        return {}
    content = load_yaml(path)
    values: dict[str, Any] = {key: content[key] for key in ('joints', 'action_range') if key in content}
    if not values:
        return {}
    actions = build(_Actions, values, str(path))
    try:
        lower, upper = joint_ranges(actions.action_range, actions.joints)
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from None
    # Rounded: another way to write the same range is the same range.
    ranges = [[round(float(low), 6), round(float(high), 6)] for low, high in zip(lower, upper)]
    return {'joints': list(actions.joints), 'action_range': ranges}


def joint_ranges(ranges: Mapping[str, ActionRange], joints: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Angles (J,) and (J,) that the actions -1 and 1 stand for, rad.

    Args:
        ranges: pattern of joint names, for example '*_hip_joint' -> their range.
        joints: J names in the order of actions.

    Raises:
        ConfigError: a joint that no pattern, or more than one, matches.
    """
    chosen = [entry_of(joint, 'action_range', list(ranges.items())) for joint in joints]
    lower = np.array([item.lower for item in chosen])
    span = np.array([item.upper for item in chosen]) - lower
    first = np.array([item.fraction[0] for item in chosen])
    last = np.array([item.fraction[1] for item in chosen])
    return lower + span * first, lower + span * last


def entry_of(joint: str, key: str, entries: Sequence[tuple[str, Entry]]) -> Entry:
    """The one entry whose pattern of joint names matches.

    Args:
        key: of the configuration that holds the entries, for messages.
        entries: pairs of a pattern, for example '*_hip_joint', and what it stands for.

    Raises:
        ConfigError: no pattern matches, or more than one.
    """
    found = [(pattern, entry) for pattern, entry in entries if fnmatch.fnmatchcase(joint, pattern)]
    if len(found) != 1:
        matches = f'patterns {", ".join(pattern for pattern, _ in found)}' if found else 'no pattern'
        allowed = ', '.join(pattern for pattern, _ in entries)
        raise ConfigError(f"{key}: joint '{joint}' matches {matches}, must match one of: {allowed}")
    return found[0][1]
