"""Base class of everything that a launch description may contain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .launch_context import LaunchContext


class LaunchDescriptionEntity:
    """A node of the tree that the launch service visits depth first."""

    def visit(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        """Execute the entity; the entities returned are visited next."""
        raise NotImplementedError(f'{type(self).__name__}.visit')

    def describe(self) -> str:
        """Return a description of the entity."""
        return self.__repr__()

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the entities that are always visited with this one."""
        return []

    def describe_conditional_sub_entities(self) -> list[tuple[str, Iterable[LaunchDescriptionEntity]]]:
        """Return (condition, entities) for entities that are visited only under a condition."""
        return []

    def get_asyncio_future(self) -> asyncio.Future[Any] | None:
        """Return a future that is done when the entity has finished, or None."""
        return None
