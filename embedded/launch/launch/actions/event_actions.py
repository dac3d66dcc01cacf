"""Actions on events, event handlers and the log."""

from __future__ import annotations

from collections.abc import Iterable

from ..action import Action
from ..condition import Condition
from ..event import Event
from ..event_handler import BaseEventHandler
from ..events import Shutdown as ShutdownEvent
from ..events.process import ProcessExited
from ..launch_context import LaunchContext
from ..launch_description_entity import LaunchDescriptionEntity
from ..logging import get_logger
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import (
    normalize_to_list_of_entities,
    normalize_to_list_of_substitutions,
    perform_substitutions,
)


class RegisterEventHandler(Action):
    """Registers an event handler."""

    def __init__(self, event_handler: BaseEventHandler, *, condition: Condition | None = None) -> None:
        super().__init__(condition=condition)
        if not isinstance(event_handler, BaseEventHandler):
            raise TypeError(f'RegisterEventHandler: expected an event handler, got {event_handler!r}')
        self._event_handler = event_handler

    @property
    def event_handler(self) -> BaseEventHandler:
        """The event handler."""
        return self._event_handler

    def execute(self, context: LaunchContext) -> None:
        context.register_event_handler(self._event_handler)

    def describe_conditional_sub_entities(self) -> list[tuple[str, Iterable[LaunchDescriptionEntity]]]:
        description, entities = self._event_handler.describe()
        return [(description, normalize_to_list_of_entities(entities))] if entities else []


class UnregisterEventHandler(Action):
    """Removes an event handler; ValueError if it is not registered (any more: one that handles once removes itself)."""

    def __init__(self, event_handler: BaseEventHandler, *, condition: Condition | None = None) -> None:
        super().__init__(condition=condition)
        self._event_handler = event_handler

    @property
    def event_handler(self) -> BaseEventHandler:
        """The event handler."""
        return self._event_handler

    def execute(self, context: LaunchContext) -> None:
        context.unregister_event_handler(self._event_handler)


class EmitEvent(Action):
    """Emits an event."""

    def __init__(self, *, event: Event, condition: Condition | None = None) -> None:
        super().__init__(condition=condition)
        if not isinstance(event, Event):
            raise TypeError(f'EmitEvent: expected an event, got {event!r}')
        self._event = event

    @property
    def event(self) -> Event:
        """The event."""
        return self._event

    def execute(self, context: LaunchContext) -> None:
        context.emit_event_sync(self._event)


class Shutdown(EmitEvent):
    """Ends the launch."""

    def __init__(
        self, *, reason: SomeSubstitutionsType = 'reason not given', condition: Condition | None = None,
    ) -> None:
        self._reason = normalize_to_list_of_substitutions(reason)
        described = reason if isinstance(reason, str) else ' + '.join(sub.describe() for sub in self._reason)
        super().__init__(event=ShutdownEvent(reason=described), condition=condition)

    def execute(self, context: LaunchContext) -> None:
        event = context.get_locals_as_dict().get('event')
        if isinstance(event, ProcessExited):
            get_logger('launch').info(f'process[{event.process_name}] was required: shutting down launched system')
        context.emit_event_sync(ShutdownEvent(reason=perform_substitutions(context, self._reason)))


class LogInfo(Action):
    """Writes a message to the log at level INFO."""

    def __init__(self, *, msg: SomeSubstitutionsType, condition: Condition | None = None) -> None:
        super().__init__(condition=condition)
        self._msg = normalize_to_list_of_substitutions(msg)

    @property
    def msg(self) -> list[Substitution]:
        """The message."""
        return self._msg

    def execute(self, context: LaunchContext) -> None:
        get_logger('launch.user').info(perform_substitutions(context, self._msg))
