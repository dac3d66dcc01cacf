"""The parameters `robot` and `task` must say the same."""

from __future__ import annotations

from dreamer_learning.config import ConfigError
from dreamer_learning.spaces import Task


def robot_of(task: Task, task_name: str, robot: str) -> str:
    """The robot's name: that of the task.

    Args:
        robot: parameter `robot`; '' = the task's.

    Raises:
        ConfigError: the task is for another robot.
    """
    if robot and robot != task.robot:
        raise ConfigError(
            f"robot '{robot}' and task '{task_name}' do not fit: that task is for robot '{task.robot}'; change one of them"
        )
    return task.robot
