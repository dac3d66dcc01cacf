"""Handler for the end of the launch."""

from __future__ import annotations

from collections.abc import Callable

from ..event import Event
from ..event_handler import BaseEventHandler
from ..events import Shutdown
from ..launch_context import LaunchContext
from ..some_entities_type import SomeEntitiesType


class OnShutdown(BaseEventHandler):
    """Responds to the Shutdown event with entities, or a function of event and context."""

    def __init__(
        self, *,
        on_shutdown: SomeEntitiesType | Callable[[Shutdown, LaunchContext], SomeEntitiesType | None],
        handle_once: bool = False,
    ) -> None:
        super().__init__(matcher=lambda event: isinstance(event, Shutdown), handle_once=handle_once)
        self._on_shutdown = on_shutdown

    def handle(self, event: Event, context: LaunchContext) -> SomeEntitiesType | None:
        super().handle(event, context)
        if callable(self._on_shutdown):
            assert isinstance(event, Shutdown)
            return self._on_shutdown(event, context)
        return self._on_shutdown
