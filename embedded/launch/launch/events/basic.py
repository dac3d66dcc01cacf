"""Events that are not about processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..event import Event

if TYPE_CHECKING:
    from ..action import Action
    from ..actions.timer_action import TimerAction
    from ..launch_description import LaunchDescription


class Shutdown(Event):
    """The launch is to end; `due_to_sigint`: after a Ctrl-C."""

    name = 'launch.events.Shutdown'

    def __init__(self, *, reason: str = 'reason not given', due_to_sigint: bool = False) -> None:
        self._reason = reason
        self._due_to_sigint = due_to_sigint

    @property
    def reason(self) -> str:
        """Why."""
        return self._reason

    @property
    def due_to_sigint(self) -> bool:
        """Whether a Ctrl-C is the cause."""
        return self._due_to_sigint


class TimerEvent(Event):
    """The time of a TimerAction has come."""

    name = 'launch.events.TimerEvent'

    def __init__(self, *, timer_action: TimerAction) -> None:
        self._timer_action = timer_action

    @property
    def timer_action(self) -> TimerAction:
        """The timer."""
        return self._timer_action


class ExecutionComplete(Event):
    """An action has finished."""

    name = 'launch.events.ExecutionComplete'

    def __init__(self, *, action: Action) -> None:
        self._action = action

    @property
    def action(self) -> Action:
        """The action."""
        return self._action


class IncludeLaunchDescription(Event):
    """A launch description is to be executed."""

    name = 'launch.events.IncludeLaunchDescription'

    def __init__(self, launch_description: LaunchDescription) -> None:
        self._launch_description = launch_description

    @property
    def launch_description(self) -> LaunchDescription:
        """The launch description."""
        return self._launch_description


def matches_action(target_action: Action) -> Callable[[Action], bool]:
    """Return a matcher for exactly this action."""
    return lambda action: action is target_action
