"""Clock of the launch process's own node."""

from __future__ import annotations

from launch.action import Action
from launch.condition import Condition
from launch.launch_context import LaunchContext
from rclpy.parameter import Parameter

from ..ros_adapters import get_ros_node


class SetUseSimTime(Action):
    """Sets use_sim_time of the node of the launch process; for the nodes launched use SetParameter."""

    def __init__(self, value: bool, *, condition: Condition | None = None) -> None:
        super().__init__(condition=condition)
        self._value = value

    @property
    def value(self) -> bool:
        """Whether the clock is that of the simulation."""
        return self._value

    def execute(self, context: LaunchContext) -> None:
        get_ros_node(context).set_parameters([Parameter('use_sim_time', Parameter.Type.BOOL, self._value)])
