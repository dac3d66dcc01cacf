"""Change of state of a lifecycle node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from launch.event import Event
from lifecycle_msgs.msg import TransitionEvent

if TYPE_CHECKING:
    from ...actions.lifecycle_node import LifecycleNode


class StateTransition(Event):
    """A lifecycle node has changed its state."""

    name = 'launch_ros.events.lifecycle.StateTransition'

    def __init__(self, *, action: LifecycleNode, msg: TransitionEvent) -> None:
        self._action = action
        self._msg = msg

    @property
    def action(self) -> LifecycleNode:
        """The action that started the node."""
        return self._action

    @property
    def msg(self) -> TransitionEvent:
        """The message of the node."""
        return self._msg

    @property
    def timestamp(self) -> int:
        """When."""
        return int(self._msg.timestamp)

    @property
    def transition(self) -> str:
        """Label of the transition."""
        return str(self._msg.transition.label)

    @property
    def start_state(self) -> str:
        """Label of the state before."""
        return str(self._msg.start_state.label)

    @property
    def goal_state(self) -> str:
        """Label of the state after."""
        return str(self._msg.goal_state.label)
