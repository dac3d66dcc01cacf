"""Choice between two values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_substitutions
from .boolean_substitution import truth

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


class IfElseSubstitution(Substitution):
    """`if_value` where the condition is true, otherwise `else_value`; only the chosen one is performed."""

    def __init__(
        self, condition: SomeSubstitutionsType, if_value: SomeSubstitutionsType = '',
        else_value: SomeSubstitutionsType = '',
    ) -> None:
        if if_value == else_value == '':
            raise RuntimeError('IfElseSubstitution: if_value or else_value must be given')
        self._condition = normalize_to_list_of_substitutions(condition)
        self._if_value = normalize_to_list_of_substitutions(if_value)
        self._else_value = normalize_to_list_of_substitutions(else_value)

    @property
    def condition(self) -> list[Substitution]:
        """The condition."""
        return self._condition

    @property
    def if_value(self) -> list[Substitution]:
        """The value where the condition is true."""
        return self._if_value

    @property
    def else_value(self) -> list[Substitution]:
        """The value where the condition is false."""
        return self._else_value

    def describe(self) -> str:
        return f"IfElseSubstitution({' + '.join(sub.describe() for sub in self._condition)})"

    def perform(self, context: LaunchContext) -> str:
        chosen = self._if_value if truth(context, self._condition) else self._else_value
        return perform_substitutions(context, chosen)
