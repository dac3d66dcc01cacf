"""The point of a launch description from which on tests may run."""

from collections.abc import Callable
from typing import Any

from launch.action import Action
from launch.launch_context import LaunchContext


class ReadyToTest(Action):
    """Tests begin when this action is executed; without one, when the launch description has been executed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._callbacks: list[Callable[[], None]] = []

    def _add_callback(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def execute(self, context: LaunchContext) -> None:
        for callback in self._callbacks:
            callback()
