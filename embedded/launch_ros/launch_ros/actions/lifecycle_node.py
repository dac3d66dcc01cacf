"""Execution of a lifecycle node."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import lifecycle_msgs.msg
import lifecycle_msgs.srv
from launch.event import Event
from launch.event_handler import BaseEventHandler
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.logging import get_logger
from launch.some_substitutions_type import SomeSubstitutionsType

from ..events.lifecycle.change_state import ChangeState
from ..events.lifecycle.state_transition import StateTransition
from ..ros_adapters import get_ros_node
from .node import Node

_POLL_SECONDS = 0.5


class _OnChangeState(BaseEventHandler):
    """Passes requests to change state on to the node that they are for."""

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        super().__init__(matcher=self._is_for_node)

    def _is_for_node(self, event: Event) -> bool:
        return isinstance(event, ChangeState) and event.lifecycle_node_matcher(self._node)

    def handle(self, event: Event, context: LaunchContext) -> None:
        super().handle(event, context)
        assert isinstance(event, ChangeState)
        self._node._request(context, event.transition_id)


class LifecycleNode(Node):
    """
    A node with a life cycle: it emits StateTransition events and reacts to ChangeState events.

    Name and namespace must be given. Further arguments: see Node.
    """

    def __init__(self, *, name: SomeSubstitutionsType, namespace: SomeSubstitutionsType, **kwargs: Any) -> None:
        super().__init__(name=name, namespace=namespace, **kwargs)
        self._client: Any = None
        self._subscription: Any = None

    def _on_transition(self, context: LaunchContext, message: lifecycle_msgs.msg.TransitionEvent) -> None:
        context.emit_event_sync(StateTransition(action=self, msg=message))

    def _request(self, context: LaunchContext, transition_id: int) -> None:
        loop = context.asyncio_loop
        assert loop is not None
        future: asyncio.Future[None] = loop.run_in_executor(None, self._change_state, context, transition_id)
        context.add_completion_future(future)

    def _change_state(self, context: LaunchContext, transition_id: int) -> None:
        """Call the service of the node, in a thread; gives up at shutdown."""
        while not self._client.wait_for_service(timeout_sec=_POLL_SECONDS):
            if context.is_shutdown:
                return
        request = lifecycle_msgs.srv.ChangeState.Request()
        request.transition.id = transition_id
        answered = threading.Event()
        future = self._client.call_async(request)
        future.add_done_callback(lambda _future: answered.set())
        while not answered.wait(_POLL_SECONDS):
            if context.is_shutdown:
                future.cancel()
                return
        if not future.result().success:
            get_logger(str(self.name)).error(
                f"transition '{ChangeState.valid_transitions[transition_id]}' of '{self.node_name}' failed")

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        result = super().execute(context)
        node = get_ros_node(context)
        self._subscription = node.create_subscription(
            lifecycle_msgs.msg.TransitionEvent, f'{self.node_name}/transition_event',
            lambda message: self._on_transition(context, message), 10)
        self._client = node.create_client(lifecycle_msgs.srv.ChangeState, f'{self.node_name}/change_state')
        context.register_event_handler(_OnChangeState(self))
        return result
