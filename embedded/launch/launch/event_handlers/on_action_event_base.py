"""Base class of handlers for events that an action causes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..action import Action
from ..event import Event
from ..event_handler import BaseEventHandler
from ..launch_context import LaunchContext
from ..launch_description_entity import LaunchDescriptionEntity
from ..some_entities_type import SomeEntitiesType
from ..utilities.normalize import normalize_to_list_of_entities

Response = SomeEntitiesType | Callable[[Any, LaunchContext], SomeEntitiesType | None]
Target = Callable[[Any], bool] | Action | None


class OnActionEventBase(BaseEventHandler):
    """
    Responds to events of class `target_event_cls` whose action is the target.

    `action_matcher`: an action, a predicate of actions, or None for all.
    `on_event`: entities, or a function of event and context that may return entities.
    """

    def __init__(
        self, *, action_matcher: Target, on_event: Response, target_event_cls: type[Event],
        target_action_cls: type[Action], handle_once: bool = False,
    ) -> None:
        if action_matcher is not None and not callable(action_matcher) and not isinstance(
                action_matcher, target_action_cls):
            raise TypeError(
                f'{type(self).__name__}: the target must be an {target_action_cls.__name__} action or a function, '
                f'got {action_matcher!r}')
        self._action_matcher = action_matcher
        self._target_event_cls = target_event_cls
        self._function: Callable[[Any, LaunchContext], SomeEntitiesType | None] | None = None
        self._entities: list[LaunchDescriptionEntity] = []
        if callable(on_event):
            self._function = on_event
        else:
            self._entities = normalize_to_list_of_entities(on_event)
        super().__init__(matcher=self._is_for_target, handle_once=handle_once)

    def _is_for_target(self, event: Event) -> bool:
        if not isinstance(event, self._target_event_cls):
            return False
        action: Action = event.action  # type: ignore[attr-defined]
        if callable(self._action_matcher):
            return self._action_matcher(action)
        return self._action_matcher is None or action is self._action_matcher

    def handle(self, event: Event, context: LaunchContext) -> SomeEntitiesType | None:
        super().handle(event, context)
        if self._function is not None:
            return self._function(event, context)
        return self._entities

    def describe(self) -> tuple[str, list[LaunchDescriptionEntity]]:
        return super().describe()[0], list(self._entities)
