"""What may not change within a run: recorded steps would mean something else. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dreamer_learning.spaces import Task

MISSING = '(missing)'


def step_identity(names: Mapping[str, str], task: Task) -> dict[str, Any]:
    """What recorded steps mean: the part of run.yaml that does not depend on networks, as plain data.

    Args:
        names: agent, size, task, robot, and blocks where there are some.

    Returns:
        the names and what the task's steps mean; `action_range` is joint -> angles (rad) that the actions -1 and 1 stand for,
        where the robot has joints.
    """
    joints, ranges = task.identity.get('joints', []), task.identity.get('action_range', [])
    return {
        **names,
        'reward': task.reward,
        'episode_length': task.episode_length,
        'control_rate': task.control_rate,
        'joints': list(joints),
        'action_range': {joint: list(limits) for joint, limits in zip(joints, ranges)},
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = '') -> Iterator[str]:
    """Key by key, 'a.b: 1 there, 2 here'."""
    for key in {**before, **now}:
        there, here = before.get(key, MISSING), now.get(key, MISSING)
        if isinstance(there, Mapping) and isinstance(here, Mapping):
            yield from differences(there, here, f'{prefix}{key}.')
        elif _plain(there) != _plain(here):
            yield f'{prefix}{key}: {there} there, {here} here'


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
