"""Base classes of event handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .event import Event
from .launch_description_entity import LaunchDescriptionEntity
from .some_entities_type import SomeEntitiesType
from .utilities.normalize import normalize_to_list_of_entities

if TYPE_CHECKING:
    from .launch_context import LaunchContext


class BaseEventHandler:
    """Decides with `matcher` which events it handles; with `handle_once` it handles only the first."""

    def __init__(self, *, matcher: Callable[[Event], bool], handle_once: bool = False) -> None:
        if not callable(matcher):
            raise TypeError(f'{type(self).__name__}: matcher must be callable, got {matcher!r}')
        self._matcher = matcher
        self._handle_once = handle_once

    @property
    def handle_once(self) -> bool:
        """Whether the handler unregisters itself after the first event."""
        return self._handle_once

    @property
    def handler_description(self) -> str:
        """What the handler does."""
        return f'{type(self).__name__}.handle'

    @property
    def matcher_description(self) -> str:
        """Which events the handler reacts to."""
        return repr(self._matcher)

    def matches(self, event: Event) -> bool:
        """Return whether `event` is for this handler."""
        return bool(self._matcher(event))

    def describe(self) -> tuple[str, list[LaunchDescriptionEntity]]:
        """Return a description and the entities that the handler may return."""
        return f"{type(self).__name__}(matcher='{self.matcher_description}')", []

    def handle(self, event: Event, context: LaunchContext) -> SomeEntitiesType | None:
        """Handle `event`; the entities returned are visited."""
        context.extend_locals({'event': event})
        if self._handle_once:
            context.unregister_event_handler(self)
        return None


class EventHandler(BaseEventHandler):
    """Visits fixed `entities` when an event matches."""

    def __init__(
        self, *, matcher: Callable[[Event], bool], entities: SomeEntitiesType | None = None,
        handle_once: bool = False,
    ) -> None:
        super().__init__(matcher=matcher, handle_once=handle_once)
        self._entities: list[LaunchDescriptionEntity] = normalize_to_list_of_entities(entities)

    @property
    def entities(self) -> list[LaunchDescriptionEntity]:
        """The entities visited for each matching event."""
        return self._entities

    def describe(self) -> tuple[str, list[LaunchDescriptionEntity]]:
        return super().describe()[0], list(self._entities)

    def handle(self, event: Event, context: LaunchContext) -> SomeEntitiesType | None:
        super().handle(event, context)
        return self._entities
