"""Base class of actions: entities that do something, possibly under a condition."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .condition import Condition
from .launch_description_entity import LaunchDescriptionEntity

if TYPE_CHECKING:
    from .launch_context import LaunchContext


class Action(LaunchDescriptionEntity):
    """Subclasses override :meth:`execute`, which may return further entities to visit."""

    def __init__(self, *, condition: Condition | None = None) -> None:
        if condition is not None and not isinstance(condition, Condition):
            raise TypeError(f'{type(self).__name__}: condition must be a Condition, got {condition!r}')
        self._condition = condition

    @property
    def condition(self) -> Condition | None:
        """The condition under which the action is executed, or None."""
        return self._condition

    def get_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the entities that executing this action leads to; overridden by containers."""
        return []

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        return [] if self._condition is not None else self.get_sub_entities()

    def describe_conditional_sub_entities(self) -> list[tuple[str, Iterable[LaunchDescriptionEntity]]]:
        if self._condition is None:
            return []
        return [('Conditional', self.get_sub_entities())]

    def visit(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        if self._condition is not None and not self._condition.evaluate(context):
            return None
        try:
            return self.execute(context)
        finally:
            self._tell_completion(context)

    def _tell_completion(self, context: LaunchContext) -> None:
        """Emit ExecutionComplete, now or when what was started has ended, if anyone listens at this moment."""
        from .events import ExecutionComplete
        event = ExecutionComplete(action=self)
        if not context.would_handle_event(event):
            return
        future = self.get_asyncio_future()
        if future is None:
            context.emit_event_sync(event)
        else:
            future.add_done_callback(lambda _future: context.emit_event_sync(event))

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        """Do the work."""
        return None
