"""Handlers for starts, exits and output of processes."""

from __future__ import annotations

from collections.abc import Callable

from ..events.process import ProcessExited, ProcessIO, ProcessStarted
from ..launch_context import LaunchContext
from ..some_entities_type import SomeEntitiesType
from .on_action_event_base import OnActionEventBase, Response, Target

IOFunction = Callable[[ProcessIO], SomeEntitiesType | None]


class OnProcessStart(OnActionEventBase):
    """Responds to the start of a process."""

    def __init__(self, *, target_action: Target = None, on_start: Response, handle_once: bool = False) -> None:
        from ..actions.execute_local import ExecuteLocal
        super().__init__(
            action_matcher=target_action, on_event=on_start, target_event_cls=ProcessStarted,
            target_action_cls=ExecuteLocal, handle_once=handle_once)


class OnProcessExit(OnActionEventBase):
    """Responds to the exit of a process."""

    def __init__(self, *, target_action: Target = None, on_exit: Response, handle_once: bool = False) -> None:
        from ..actions.execute_local import ExecuteLocal
        super().__init__(
            action_matcher=target_action, on_event=on_exit, target_event_cls=ProcessExited,
            target_action_cls=ExecuteLocal, handle_once=handle_once)


class OnProcessIO(OnActionEventBase):
    """Responds to input and output of a process with functions of the event."""

    def __init__(
        self, *, target_action: Target = None, on_stdin: IOFunction | None = None,
        on_stdout: IOFunction | None = None, on_stderr: IOFunction | None = None, handle_once: bool = False,
    ) -> None:
        from ..actions.execute_local import ExecuteLocal

        def respond(event: ProcessIO, context: LaunchContext) -> SomeEntitiesType | None:
            function = on_stdout if event.from_stdout else on_stderr if event.from_stderr else on_stdin
            return None if function is None else function(event)

        super().__init__(
            action_matcher=target_action, on_event=respond, target_event_cls=ProcessIO,
            target_action_cls=ExecuteLocal, handle_once=handle_once)
