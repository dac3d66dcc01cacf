"""Handler for the completion of actions."""

from ..action import Action
from ..events import ExecutionComplete
from .on_action_event_base import OnActionEventBase, Response, Target


class OnExecutionComplete(OnActionEventBase):
    """Responds when an action (an OpaqueCoroutine or a timer, say) has finished."""

    def __init__(self, *, target_action: Target = None, on_completion: Response, handle_once: bool = False) -> None:
        super().__init__(
            action_matcher=target_action, on_event=on_completion, target_event_cls=ExecutionComplete,
            target_action_cls=Action, handle_once=handle_once)
