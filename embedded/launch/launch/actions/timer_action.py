"""Actions after a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from ..action import Action
from ..condition import Condition
from ..event import Event
from ..event_handler import BaseEventHandler
from ..event_handlers.on_shutdown import OnShutdown
from ..events import TimerEvent
from ..launch_context import LaunchContext
from ..launch_description_entity import LaunchDescriptionEntity
from ..some_entities_type import SomeEntitiesType
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..substitutions.substitution_failure import SubstitutionFailure
from ..utilities.normalize import normalize_to_list_of_entities, normalize_to_list_of_substitutions, perform_any
from ..utilities.typed import perform_bool


class _OnTimer(BaseEventHandler):
    """Visits the actions of one timer when its time has come."""

    def __init__(self, timer: TimerAction) -> None:
        self._timer = timer
        super().__init__(matcher=self._is_of_timer, handle_once=True)

    def _is_of_timer(self, event: Event) -> bool:
        return isinstance(event, TimerEvent) and event.timer_action is self._timer

    def handle(self, event: Event, context: LaunchContext) -> SomeEntitiesType | None:
        super().handle(event, context)
        return self._timer.handle(context)


class TimerAction(Action):
    """Executes `actions` after `period` seconds of wall time, unless cancelled (by default: by shutdown)."""

    def __init__(
        self, *, period: float | SomeSubstitutionsType, actions: Iterable[LaunchDescriptionEntity],
        cancel_on_shutdown: bool | SomeSubstitutionsType = True, condition: Condition | None = None,
    ) -> None:
        super().__init__(condition=condition)
        self._period = normalize_to_list_of_substitutions(
            str(period) if isinstance(period, (int, float)) else period)
        self._actions = normalize_to_list_of_entities(actions)
        self._cancel_on_shutdown = cancel_on_shutdown
        self._cancelled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._locals: dict[str, Any] = {}

    @property
    def period(self) -> list[Substitution]:
        """The time in seconds."""
        return self._period

    @property
    def actions(self) -> list[LaunchDescriptionEntity]:
        """What is executed when the time has come."""
        return self._actions

    def describe_conditional_sub_entities(self) -> list[tuple[str, Iterable[LaunchDescriptionEntity]]]:
        return [('time has passed', self._actions)]

    def cancel(self) -> None:
        """Cancel the timer; no error if it is over or has not begun."""
        self._cancelled.set()

    async def _wait(self, context: LaunchContext, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._cancelled.wait(), seconds)
        except TimeoutError:
            context.emit_event_sync(TimerEvent(timer_action=self))

    def handle(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Return the actions, in the locals of the place where the timer stands, the event among them."""
        context.extend_locals(self._locals)
        return self._actions

    def execute(self, context: LaunchContext) -> None:
        text = perform_any(context, self._period)
        try:
            seconds = float(text)
        except ValueError:
            raise SubstitutionFailure(f"TimerAction: period '{text}' is not a number") from None
        if self._cancelled.is_set():
            return
        assert context.asyncio_loop is not None
        self._locals = context.get_locals_as_dict()
        context.register_event_handler(_OnTimer(self))
        self._task = context.asyncio_loop.create_task(self._wait(context, seconds))
        if perform_bool(context, self._cancel_on_shutdown, 'cancel_on_shutdown'):
            context.register_event_handler(OnShutdown(on_shutdown=lambda event, context: self.cancel()))

    def get_asyncio_future(self) -> asyncio.Future[Any] | None:
        return self._task
