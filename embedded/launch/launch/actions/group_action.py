"""Several actions as one, with a scope of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..action import Action
from ..condition import Condition
from ..launch_context import LaunchContext
from ..launch_description_entity import LaunchDescriptionEntity
from ..some_substitutions_type import SomeSubstitutionsType
from ..utilities.normalize import normalize_to_list_of_entities
from .environment import PopEnvironment, PushEnvironment, ResetEnvironment
from .launch_configurations import (
    PopLaunchConfigurations,
    PushLaunchConfigurations,
    ResetLaunchConfigurations,
    SetLaunchConfiguration,
)


class GroupAction(Action):
    """
    Executes `actions`.

    `scoped`: changes of launch configurations and environment end with the group.
    `forwarding`: those from outside are seen inside (without a scope they always are).
    `launch_configurations`: set at the beginning of the group.
    """

    def __init__(
        self, actions: Iterable[LaunchDescriptionEntity], *, scoped: bool = True, forwarding: bool = True,
        launch_configurations: dict[Any, SomeSubstitutionsType] | None = None,
        condition: Condition | None = None,
    ) -> None:
        super().__init__(condition=condition)
        self._actions = normalize_to_list_of_entities(actions)
        self._scoped = scoped
        self._forwarding = forwarding
        self._launch_configurations = dict(launch_configurations or {})
        self._sub_entities: list[LaunchDescriptionEntity] | None = None

    def get_sub_entities(self) -> list[LaunchDescriptionEntity]:
        if self._sub_entities is None:
            self._sub_entities = self._with_scope()
        return self._sub_entities

    def _with_scope(self) -> list[LaunchDescriptionEntity]:
        settings = [SetLaunchConfiguration(name, value) for name, value in self._launch_configurations.items()]
        if not self._scoped:
            return [*settings, *self._actions]
        begin: list[LaunchDescriptionEntity] = [PushLaunchConfigurations(), PushEnvironment()]
        end: list[LaunchDescriptionEntity] = [PopEnvironment(), PopLaunchConfigurations()]
        if self._forwarding:
            return [*begin, *settings, *self._actions, *end]
        return [*begin, ResetEnvironment(), ResetLaunchConfigurations(self._launch_configurations),
                *self._actions, *end]

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        return self.get_sub_entities()
