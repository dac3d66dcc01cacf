"""Request to a lifecycle node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from launch.event import Event
from lifecycle_msgs.msg import State, Transition

if TYPE_CHECKING:
    from ...actions.lifecycle_node import LifecycleNode


class ChangeState(Event):
    """All lifecycle nodes for which `lifecycle_node_matcher` is true are asked for a transition."""

    name = 'launch_ros.events.lifecycle.ChangeState'

    valid_states: dict[int, str] = {
        State.PRIMARY_STATE_UNKNOWN: 'unknown',
        State.PRIMARY_STATE_UNCONFIGURED: 'unconfigured',
        State.PRIMARY_STATE_INACTIVE: 'inactive',
        State.PRIMARY_STATE_ACTIVE: 'active',
        State.PRIMARY_STATE_FINALIZED: 'finalized',
        State.TRANSITION_STATE_CONFIGURING: 'configuring',
        State.TRANSITION_STATE_CLEANINGUP: 'cleaningup',
        State.TRANSITION_STATE_SHUTTINGDOWN: 'shuttingdown',
        State.TRANSITION_STATE_ACTIVATING: 'activating',
        State.TRANSITION_STATE_DEACTIVATING: 'deactivating',
        State.TRANSITION_STATE_ERRORPROCESSING: 'errorprocessing',
    }
    valid_transitions: dict[int, str] = {
        Transition.TRANSITION_CREATE: 'create',
        Transition.TRANSITION_CONFIGURE: 'configure',
        Transition.TRANSITION_CLEANUP: 'cleanup',
        Transition.TRANSITION_ACTIVATE: 'activate',
        Transition.TRANSITION_DEACTIVATE: 'deactivate',
        Transition.TRANSITION_UNCONFIGURED_SHUTDOWN: 'unconfigured_shutdown',
        Transition.TRANSITION_INACTIVE_SHUTDOWN: 'inactive_shutdown',
        Transition.TRANSITION_ACTIVE_SHUTDOWN: 'active_shutdown',
        Transition.TRANSITION_DESTROY: 'destroy',
    }

    def __init__(self, *, lifecycle_node_matcher: Callable[[LifecycleNode], bool], transition_id: int) -> None:
        if transition_id not in self.valid_transitions:
            allowed = ', '.join(f'{name}: {number}' for number, name in self.valid_transitions.items())
            raise ValueError(f'ChangeState: transition_id {transition_id} is not one of {{{allowed}}}')
        self._matcher = lifecycle_node_matcher
        self._transition_id = transition_id

    @property
    def lifecycle_node_matcher(self) -> Callable[[LifecycleNode], bool]:
        """Says for a lifecycle node whether it is meant."""
        return self._matcher

    @property
    def transition_id(self) -> int:
        """Number of the transition, see lifecycle_msgs/msg/Transition."""
        return self._transition_id
