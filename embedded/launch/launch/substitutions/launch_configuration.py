"""Value of a launch configuration (a launch argument, say)."""

from __future__ import annotations

import collections.abc
import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_substitutions
from .substitution_failure import SubstitutionFailure

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


class LaunchConfiguration(Substitution):
    """The value that `variable_name` has in the present scope, or `default`."""

    def __init__(self, variable_name: SomeSubstitutionsType, *, default: Any | None = None) -> None:
        self._variable_name = normalize_to_list_of_substitutions(variable_name)
        self._default: list[Substitution] | None = None
        if default is not None:
            if isinstance(default, (str, Substitution)):
                self._default = normalize_to_list_of_substitutions(default)
            elif isinstance(default, collections.abc.Iterable):
                items: Iterable[Any] = default
                self._default = normalize_to_list_of_substitutions(
                    [item if isinstance(item, (str, Substitution)) else str(item) for item in items])
            else:
                self._default = normalize_to_list_of_substitutions(str(default))

    @property
    def variable_name(self) -> list[Substitution]:
        """The name of the launch configuration."""
        return self._variable_name

    def describe(self) -> str:
        return f"LaunchConfig({' + '.join(sub.describe() for sub in self._variable_name)})"

    def perform(self, context: LaunchContext) -> str:
        name = perform_substitutions(context, self._variable_name)
        if name in context.launch_configurations:
            return context.launch_configurations[name]
        if self._default is not None:
            return perform_substitutions(context, self._default)
        near = difflib.get_close_matches(name, context.launch_configurations, n=1)
        hint = f", did you mean '{near[0]}'?" if near else ''
        raise SubstitutionFailure(f"launch configuration '{name}' does not exist{hint}")
