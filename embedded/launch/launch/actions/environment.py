"""Actions on the environment that processes are started with."""

from __future__ import annotations

import os

from ..action import Action
from ..condition import Condition
from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_substitutions
from ..utilities.typed import perform_bool


class SetEnvironmentVariable(Action):
    """Sets an environment variable."""

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
        context.environment[name] = perform_substitutions(context, self._value)


class UnsetEnvironmentVariable(Action):
    """Removes an environment variable."""

    def __init__(self, name: SomeSubstitutionsType, *, condition: Condition | None = None) -> None:
        super().__init__(condition=condition)
        self._name = normalize_to_list_of_substitutions(name)

    @property
    def name(self) -> list[Substitution]:
        """The name."""
        return self._name

    def execute(self, context: LaunchContext) -> None:
        context.environment.pop(perform_substitutions(context, self._name), None)


class AppendEnvironmentVariable(SetEnvironmentVariable):
    """Adds to the end (or with `prepend` to the beginning) of a variable; `separator` defaults to that of paths."""

    def __init__(
        self, name: SomeSubstitutionsType, value: SomeSubstitutionsType,
        prepend: bool | SomeSubstitutionsType = False, separator: SomeSubstitutionsType = os.pathsep, *,
        condition: Condition | None = None,
    ) -> None:
        super().__init__(name, value, condition=condition)
        self._prepend = prepend if isinstance(prepend, bool) else normalize_to_list_of_substitutions(prepend)
        self._separator = normalize_to_list_of_substitutions(separator)

    @property
    def prepend(self) -> bool | list[Substitution]:
        """Whether the value comes first."""
        return self._prepend

    @property
    def separator(self) -> list[Substitution]:
        """What stands between the old value and the new one."""
        return self._separator

    def execute(self, context: LaunchContext) -> None:
        name = perform_substitutions(context, self._name)
        value = perform_substitutions(context, self._value)
        if name in context.environment:
            parts = [context.environment[name], value]
            if perform_bool(context, self._prepend, 'prepend'):
                parts.reverse()
            value = perform_substitutions(context, self._separator).join(parts)
        context.environment[name] = value


class PushEnvironment(Action):
    """Begins a scope of the environment."""

    def execute(self, context: LaunchContext) -> None:
        context._push_environment()


class PopEnvironment(Action):
    """Ends a scope of the environment."""

    def execute(self, context: LaunchContext) -> None:
        context._pop_environment()


class ResetEnvironment(Action):
    """Returns to the environment that launch was started with."""

    def execute(self, context: LaunchContext) -> None:
        context._reset_environment()
