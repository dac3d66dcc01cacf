"""Actions on launch configurations."""

from __future__ import annotations

from typing import Any

from ..action import Action
from ..condition import Condition
from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_any, perform_substitutions


class SetLaunchConfiguration(Action):
    """Sets a launch configuration in the present scope."""

    def __init__(
        self, name: SomeSubstitutionsType, value: SomeSubstitutionsType, *, condition: Condition | None = None,
    ) -> None:
        super().__init__(condition=condition)
        self._name = normalize_to_list_of_substitutions(name)
        self._value = normalize_to_list_of_substitutions(value)

    @property
    def name(self) -> list[Substitution]:
        """The name."""
        return self._name

    @property
    def value(self) -> list[Substitution]:
        """The value."""
        return self._value

    def execute(self, context: LaunchContext) -> None:
        name = perform_substitutions(context, self._name)
        context.launch_configurations[name] = perform_substitutions(context, self._value)


class UnsetLaunchConfiguration(Action):
    """Removes a launch configuration from the present scope."""

    def __init__(self, name: SomeSubstitutionsType, *, condition: Condition | None = None) -> None:
        super().__init__(condition=condition)
        self._name = normalize_to_list_of_substitutions(name)

    @property
    def name(self) -> list[Substitution]:
        """The name."""
        return self._name

    def execute(self, context: LaunchContext) -> None:
        context.launch_configurations.pop(perform_substitutions(context, self._name), None)


class PushLaunchConfigurations(Action):
    """Begins a scope of launch configurations."""

    def execute(self, context: LaunchContext) -> None:
        context._push_launch_configurations()


class PopLaunchConfigurations(Action):
    """Ends a scope of launch configurations."""

    def execute(self, context: LaunchContext) -> None:
        context._pop_launch_configurations()


class ResetLaunchConfigurations(Action):
    """Forgets all launch configurations but those given, whose values are computed before."""

    def __init__(
        self, launch_configurations: dict[Any, SomeSubstitutionsType] | None = None, *,
        condition: Condition | None = None,
    ) -> None:
        super().__init__(condition=condition)
        self._launch_configurations = dict(launch_configurations or {})

    def execute(self, context: LaunchContext) -> None:
        kept = {perform_any(context, name): perform_any(context, value)
                for name, value in self._launch_configurations.items()}
        context.launch_configurations.clear()
        context.launch_configurations.update(kept)
