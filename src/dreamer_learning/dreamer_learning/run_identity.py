"""What may not change within a run: recorded steps would mean something else. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamer_learning.spaces import Task


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
