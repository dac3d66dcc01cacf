"""Execution of another launch file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..action import Action
from ..condition import Condition
from ..errors import LaunchArgumentError
from ..launch_context import LaunchContext
from ..launch_description import LaunchDescription
from ..launch_description_entity import LaunchDescriptionEntity
from ..launch_description_source import LaunchDescriptionSource
from ..launch_description_sources.any_launch_description_source import AnyLaunchDescriptionSource
from ..some_substitutions_type import SomePathType, SomeSubstitutionsType
from ..utilities.normalize import perform_any
from .launch_configurations import SetLaunchConfiguration
from .opaque_function import OpaqueFunction

LaunchArgument = tuple[SomeSubstitutionsType, SomeSubstitutionsType]
_LOCATION_KEYS = ('current_launch_file_path', 'current_launch_file_directory')


class IncludeLaunchDescription(Action):
    """
    Executes the launch description of `launch_description_source` with `launch_arguments` set.

    As in stock launch the arguments stay set afterwards; a GroupAction keeps them apart. An argument that the description
    requires must be among them, even where a launch configuration of that name is set already.
    """

    def __init__(
        self, launch_description_source: LaunchDescriptionSource | SomePathType, *,
        launch_arguments: Iterable[LaunchArgument] | Mapping[Any, Any] | None = None,
        condition: Condition | None = None,
    ) -> None:
        super().__init__(condition=condition)
        if not isinstance(launch_description_source, LaunchDescriptionSource):
            launch_description_source = AnyLaunchDescriptionSource(launch_description_source)
        self._source = launch_description_source
        if isinstance(launch_arguments, Mapping):
            raise TypeError('IncludeLaunchDescription: launch_arguments must be pairs; use {...}.items()')
        self._launch_arguments = tuple(launch_arguments or ())

    @property
    def launch_description_source(self) -> LaunchDescriptionSource:
        """Where the launch description comes from."""
        return self._source

    @property
    def launch_arguments(self) -> Sequence[LaunchArgument]:
        """(name, value) pairs."""
        return self._launch_arguments

    def get_sub_entities(self) -> list[LaunchDescriptionEntity]:
        description = self._source.try_get_launch_description_without_context()
        return [] if description is None else [description]

    def _argument_names(self, context: LaunchContext) -> set[str]:
        return {perform_any(context, name) for name, _ in self._launch_arguments}

    def _check_required_arguments(self, context: LaunchContext, description: LaunchDescription) -> None:
        given = self._argument_names(context)
        declared = description.get_launch_arguments_with_include_launch_description_actions()
        for argument, includes in declared:
            if argument._conditionally_included or argument.default_value is not None:
                continue
            passed_on = set().union(*(include._argument_names(context) for include in includes))
            if argument.name not in given | passed_on:
                raise LaunchArgumentError(
                    f"launch argument '{argument.name}' ({argument.description}) has no default: "
                    f'give it as {argument.name}:=VALUE')

    def _location_locals(self) -> dict[str, Any]:
        path = os.path.abspath(self._source.location)
        if not os.path.isfile(path):
            return {}  # a description made in a script
        return dict(zip(_LOCATION_KEYS, (path, os.path.dirname(path))))

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        description = self._source.get_launch_description(context)
        before = {key: context.get_locals_as_dict().get(key) for key in _LOCATION_KEYS}
        context.extend_locals(self._location_locals())
        self._check_required_arguments(context, description)

        def restore_location(context: LaunchContext) -> None:
            context.extend_locals(before)

        return [
            *(SetLaunchConfiguration(name, value) for name, value in self._launch_arguments),
            description,
            OpaqueFunction(function=restore_location),
        ]
