"""Conditions on the text of a launch configuration; IfCondition with EqualsSubstitution has replaced them."""

from __future__ import annotations

import warnings

from ..condition import Condition
from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_substitutions


class LaunchConfigurationEquals(Condition):
    """Holds if the launch configuration is exactly the text; None: if there is no such launch configuration."""

    def __init__(self, launch_configuration_name: str, expected_value: SomeSubstitutionsType | None) -> None:
        warnings.warn(
            f'{type(self).__name__} is deprecated: use IfCondition with EqualsSubstitution or NotEqualsSubstitution',
            UserWarning, stacklevel=2)
        self._name = launch_configuration_name
        self._expected = None if expected_value is None else normalize_to_list_of_substitutions(expected_value)
        super().__init__(predicate=self._equals)

    def _equals(self, context: LaunchContext) -> bool:
        expected = None if self._expected is None else perform_substitutions(context, self._expected)
        return context.launch_configurations.get(self._name) == expected


class LaunchConfigurationNotEquals(LaunchConfigurationEquals):
    """Holds if the launch configuration is not exactly the text; None: if there is such a launch configuration."""

    def __init__(self, launch_configuration_name: str, expected_value: SomeSubstitutionsType | None) -> None:
        super().__init__(launch_configuration_name, expected_value)
        self._predicate = lambda context: not self._equals(context)
