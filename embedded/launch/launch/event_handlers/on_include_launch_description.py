"""Handler that executes launch descriptions given to the launch service."""


from ..event import Event
from ..event_handler import BaseEventHandler
from ..events import IncludeLaunchDescription
from ..launch_context import LaunchContext
from ..some_entities_type import SomeEntitiesType


class OnIncludeLaunchDescription(BaseEventHandler):
    """Visits the launch description that an IncludeLaunchDescription event carries."""

    def __init__(self, *, handle_once: bool = False) -> None:
        super().__init__(matcher=lambda event: isinstance(event, IncludeLaunchDescription), handle_once=handle_once)

    def handle(self, event: Event, context: LaunchContext) -> SomeEntitiesType | None:
        super().handle(event, context)
        assert isinstance(event, IncludeLaunchDescription)
        return event.launch_description
