"""Value of an environment variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_substitutions
from .substitution_failure import SubstitutionFailure

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


class EnvironmentVariable(Substitution):
    """The value that the variable has when the substitution is performed, or `default_value`."""

    def __init__(
        self, name: SomeSubstitutionsType, *, default_value: SomeSubstitutionsType | None = None,
    ) -> None:
        self._name = normalize_to_list_of_substitutions(name)
        self._default = None if default_value is None else normalize_to_list_of_substitutions(default_value)

    @property
    def name(self) -> list[Substitution]:
        """The name of the variable."""
        return self._name

    @property
    def default_value(self) -> list[Substitution] | None:
        """The default, or None."""
        return self._default

    def describe(self) -> str:
        return f"EnvVar({' + '.join(sub.describe() for sub in self._name)})"

    def perform(self, context: LaunchContext) -> str:
        name = perform_substitutions(context, self._name)
        value = context.environment.get(name)
        if value is not None:
            return value
        if self._default is None:
            raise SubstitutionFailure(f"environment variable '{name}' does not exist")
        return perform_substitutions(context, self._default)
