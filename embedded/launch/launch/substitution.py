"""Base class of values that are computed when the launch description is executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .launch_context import LaunchContext


class Substitution:
    """A string that is known only at execution time; subclasses override :meth:`perform`."""

    def describe(self) -> str:
        """Return a description for people."""
        return self.__repr__()

    def perform(self, context: LaunchContext) -> str:
        """Compute the string."""
        raise NotImplementedError(f'{type(self).__name__}.perform')
