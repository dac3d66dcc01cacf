"""The list of entities that a launch file describes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .launch_description_entity import LaunchDescriptionEntity
from .utilities.normalize import normalize_to_list_of_entities

if TYPE_CHECKING:
    from .actions.declare_launch_argument import DeclareLaunchArgument
    from .actions.include_launch_description import IncludeLaunchDescription
    from .launch_context import LaunchContext


class LaunchDescription(LaunchDescriptionEntity):
    """What `generate_launch_description()` of a launch file returns."""

    def __init__(
        self, initial_entities: Iterable[LaunchDescriptionEntity] | None = None, *,
        deprecated_reason: str | None = None,
    ) -> None:
        self._entities = normalize_to_list_of_entities(initial_entities)
        self._deprecated_reason = deprecated_reason

    @property
    def entities(self) -> list[LaunchDescriptionEntity]:
        """The entities in the order of their execution."""
        return self._entities

    @property
    def deprecated(self) -> bool:
        """Whether the description is marked deprecated."""
        return self._deprecated_reason is not None

    @property
    def deprecated_reason(self) -> str | None:
        """Why the description is deprecated, or None."""
        return self._deprecated_reason

    def add_entity(self, entity: LaunchDescriptionEntity) -> None:
        """Append an entity."""
        self._entities.append(entity)

    def add_action(self, action: LaunchDescriptionEntity) -> None:
        """Append an action."""
        self.add_entity(action)

    def visit(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        if self._deprecated_reason is not None:
            from .logging import get_logger
            get_logger('launch').warning(f'this launch file is deprecated: {self._deprecated_reason}')
        return self._entities

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        return self._entities

    def get_launch_arguments(self, conditional_inclusion: bool = False) -> list[DeclareLaunchArgument]:
        """
        Return the arguments declared here and in included descriptions, each name once.

        Those declared only under a condition are marked so; `conditional_inclusion`: mark all of them.
        """
        return [argument for argument, _ in
                self.get_launch_arguments_with_include_launch_description_actions(conditional_inclusion)]

    def get_launch_arguments_with_include_launch_description_actions(
        self, conditional_inclusion: bool = False,
    ) -> list[tuple[DeclareLaunchArgument, list[IncludeLaunchDescription]]]:
        """Return (argument, include actions passed on the way to it), each argument name once."""
        from .actions.declare_launch_argument import DeclareLaunchArgument
        from .actions.include_launch_description import IncludeLaunchDescription
        from .actions.launch_configurations import ResetLaunchConfigurations
        found: dict[str, tuple[DeclareLaunchArgument, list[IncludeLaunchDescription]]] = {}

        def search(entities: Iterable[LaunchDescriptionEntity], includes: list[IncludeLaunchDescription],
                   conditional: bool) -> None:
            for entity in entities:
                if isinstance(entity, DeclareLaunchArgument):
                    under_condition = conditional or entity.condition is not None
                    if entity.name not in found:
                        entity._conditionally_included = under_condition
                        found[entity.name] = (entity, includes)
                    continue
                if isinstance(entity, ResetLaunchConfigurations):
                    return  # what follows cannot be set from outside
                path = includes + [entity] if isinstance(entity, IncludeLaunchDescription) else includes
                search(entity.describe_sub_entities(), path, conditional)
                for _, sub_entities in entity.describe_conditional_sub_entities():
                    search(sub_entities, path, True)

        search(self._entities, [], conditional_inclusion)
        return list(found.values())
