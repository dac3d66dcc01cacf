"""Arguments of a launch file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ..action import Action
from ..condition import Condition
from ..errors import LaunchArgumentError
from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_substitutions


class DeclareLaunchArgument(Action):
    """
    Declares an argument: the launch configuration `name`, settable from the command line or by an include.

    Without `default_value` it must be given. With `choices` it must be one of them.
    LaunchArgumentError (a RuntimeError) names the argument and what is allowed.
    """

    def __init__(
        self, name: str, *, default_value: SomeSubstitutionsType | None = None,
        description: str | None = None, choices: Iterable[str] | None = None,
        condition: Condition | None = None,
    ) -> None:
        super().__init__(condition=condition)
        self._name = name
        self._default_value = None if default_value is None else normalize_to_list_of_substitutions(default_value)
        self._choices = None if choices is None else list(choices)
        if self._choices is not None:
            if not self._choices:
                raise LaunchArgumentError(f"launch argument '{name}': choices is empty; leave it out to allow anything")
            if isinstance(default_value, str) and default_value not in self._choices:
                raise LaunchArgumentError(
                    f"launch argument '{name}': the default '{default_value}' is not one of {self._choices}")
        self._description = self._complete_description(description)
        self._conditionally_included = False

    def _complete_description(self, description: str | None) -> str:
        if self._choices is None:
            return 'no description given' if description is None else description
        if description is None:
            return f'One of: {self._choices}'
        return f"{description.removesuffix('.')}. Valid choices are: {self._choices}"

    @property
    def name(self) -> str:
        """The name of the argument."""
        return self._name

    @property
    def default_value(self) -> list[Substitution] | None:
        """The default, or None if the argument must be given."""
        return self._default_value

    @property
    def description(self) -> str:
        """What the argument is for, with the choices."""
        return self._description

    @property
    def choices(self) -> list[str] | None:
        """The values allowed, or None for any."""
        return self._choices

    def execute(self, context: LaunchContext) -> None:
        if self._name not in context.launch_configurations:
            if self._default_value is None:
                raise LaunchArgumentError(
                    f"launch argument '{self._name}' ({self._description}) has no default: "
                    f'give it as {self._name}:=VALUE')
            context.launch_configurations[self._name] = perform_substitutions(context, self._default_value)
        value = context.launch_configurations[self._name]
        if self._choices is not None and value not in self._choices:
            near = difflib.get_close_matches(value, self._choices, n=1)
            hint = f", did you mean '{near[0]}'?" if near else ''
            raise LaunchArgumentError(
                f"launch argument '{self._name}': '{value}' is not one of {self._choices}{hint}")
