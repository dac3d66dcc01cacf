"""Base class of conditions, which decide whether an action is executed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .launch_context import LaunchContext


class Condition:
    """Wraps a predicate of the launch context; without a predicate the condition never holds."""

    def __init__(self, *, predicate: Callable[[LaunchContext], bool] | None = None) -> None:
        self._predicate = predicate

    def describe(self) -> str:
        """Return a description of the condition."""
        return self.__repr__()

    def evaluate(self, context: LaunchContext) -> bool:
        """Return whether the condition holds in `context`."""
        return self._predicate is not None and self._predicate(context)
