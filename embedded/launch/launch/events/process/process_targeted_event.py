"""Requests to processes, and predicates that say which one is meant."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...event import Event

if TYPE_CHECKING:
    from ...actions.execute_local import ExecuteLocal

ProcessMatcher = Callable[['ExecuteLocal'], bool]


class ProcessTargetedEvent(Event):
    """Base class: for all actions for which `process_matcher` is true."""

    name = 'launch.events.process.ProcessTargetedEvent'

    def __init__(self, *, process_matcher: ProcessMatcher) -> None:
        self._process_matcher = process_matcher

    @property
    def process_matcher(self) -> ProcessMatcher:
        """Says for an action whether it is meant."""
        return self._process_matcher


class ShutdownProcess(ProcessTargetedEvent):
    """End a process: SIGINT, then SIGTERM, then SIGKILL."""

    name = 'launch.events.process.ShutdownProcess'


class SignalProcess(ProcessTargetedEvent):
    """Send a signal to a process."""

    name = 'launch.events.process.SignalProcess'

    def __init__(
        self, *, signal_number: str | int | signal.Signals, process_matcher: ProcessMatcher,
    ) -> None:
        super().__init__(process_matcher=process_matcher)
        self._signal = (
            signal.Signals[signal_number] if isinstance(signal_number, str) else signal.Signals(signal_number))

    @property
    def signal(self) -> signal.Signals:
        """The signal."""
        return self._signal

    @property
    def signal_name(self) -> str:
        """Its name, such as SIGINT."""
        return self._signal.name


def matches_pid(pid: int) -> ProcessMatcher:
    """Return a matcher for the process with this id."""
    return lambda action: action.process_details is not None and action.process_details.get('pid') == pid


def matches_name(name: str) -> ProcessMatcher:
    """Return a matcher for the unique name of a process."""
    return lambda action: action.process_details is not None and action.process_details['name'] == name


def matches_executable(executable: str) -> ProcessMatcher:
    """Return a matcher for the first word of the command."""
    return lambda action: action.process_details is not None and action.process_details['cmd'][0] == executable
