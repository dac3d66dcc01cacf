"""Handler for changes of state of lifecycle nodes."""

from __future__ import annotations

from collections.abc import Callable

from launch.event import Event
from launch.event_handler import EventHandler
from launch.some_entities_type import SomeEntitiesType

from ..actions.lifecycle_node import LifecycleNode
from ..events.lifecycle import StateTransition


class OnStateTransition(EventHandler):
    """
    Visits `entities` when a lifecycle node changes state.

    Node, transition, start and goal state must match where they are given; a `matcher` replaces them all.
    """

    def __init__(
        self, *, entities: SomeEntitiesType, target_lifecycle_node: LifecycleNode | None = None,
        transition: str | None = None, start_state: str | None = None, goal_state: str | None = None,
        matcher: Callable[[Event], bool] | None = None, handle_once: bool = False,
    ) -> None:
        if target_lifecycle_node is not None and not isinstance(target_lifecycle_node, LifecycleNode):
            raise RuntimeError('OnStateTransition: target_lifecycle_node must be a LifecycleNode')

        def matches(event: Event) -> bool:
            if not isinstance(event, StateTransition):
                return False
            pairs = ((target_lifecycle_node, event.action), (transition, event.transition),
                     (start_state, event.start_state), (goal_state, event.goal_state))
            return all(wanted is None or wanted == actual for wanted, actual in pairs)

        super().__init__(matcher=matcher or matches, entities=entities, handle_once=handle_once)
