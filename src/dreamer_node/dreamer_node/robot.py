"""The parameters that say what a node works on: `config_dir`, `robot` and `task`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rclpy.node import Node

from dreamer_learning.spaces import Task, load_robot_task
from dreamer_node.runtime import config_dir, declare


class Assignment(NamedTuple):
    """What a node works on.

    Attributes:
        folder: that of the configuration.
        robot, task_name: names.
    """

    folder: Path
    robot: str
    task_name: str
    task: Task


def assignment(node: Node) -> Assignment:
    """Declare and read the parameters `config_dir`, `robot` and `task`.

    Raises:
        ConfigError: no such task, or it is for another robot.
    """
    folder = config_dir(node)
    robot = str(declare(node, 'robot', '', "robot; '' = that of the task"))
    name = str(declare(node, 'task', 'a1_walk', 'name of config/tasks/<task>.yaml'))
    task = load_robot_task(folder, robot, name)
    return Assignment(folder, task.robot, name, task)
