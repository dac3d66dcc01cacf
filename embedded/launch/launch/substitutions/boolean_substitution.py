"""Logic on truth values; the results are the texts 'true' and 'false'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions
from ..utilities.typed import perform_bool

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


def truth(context: LaunchContext, value: list[Substitution]) -> bool:
    """Perform `value` and return its truth value; SubstitutionFailure if it has none."""
    return perform_bool(context, value, ' + '.join(sub.describe() for sub in value))


def bool_text(value: bool) -> str:
    """Return 'true' or 'false'."""
    return 'true' if value else 'false'


def describe_values(name: str, values: list[list[Substitution]]) -> str:
    """Return 'name(values)' for people."""
    return f"{name}({' '.join(' + '.join(sub.describe() for sub in value) for value in values)})"


class NotSubstitution(Substitution):
    """Negation."""

    def __init__(self, value: SomeSubstitutionsType) -> None:
        self._value = normalize_to_list_of_substitutions(value)

    @property
    def value(self) -> list[Substitution]:
        """The operand."""
        return self._value

    def describe(self) -> str:
        return describe_values('NotSubstitution', [self._value])

    def perform(self, context: LaunchContext) -> str:
        return bool_text(not truth(context, self._value))


class _BinarySubstitution(Substitution):
    """Two operands."""

    def __init__(self, left: SomeSubstitutionsType, right: SomeSubstitutionsType) -> None:
        self._left = normalize_to_list_of_substitutions(left)
        self._right = normalize_to_list_of_substitutions(right)

    @property
    def left(self) -> list[Substitution]:
        """The left operand."""
        return self._left

    @property
    def right(self) -> list[Substitution]:
        """The right operand."""
        return self._right

    def describe(self) -> str:
        return describe_values(type(self).__name__, [self._left, self._right])


class AndSubstitution(_BinarySubstitution):
    """True if both operands are."""

    def perform(self, context: LaunchContext) -> str:
        left, right = truth(context, self._left), truth(context, self._right)
        return bool_text(left and right)


class OrSubstitution(_BinarySubstitution):
    """True if an operand is."""

    def perform(self, context: LaunchContext) -> str:
        left, right = truth(context, self._left), truth(context, self._right)
        return bool_text(left or right)


class AnySubstitution(Substitution):
    """True if any operand is; all of them are looked at, so that each must have a truth value."""

    def __init__(self, *args: SomeSubstitutionsType) -> None:
        self._args = [normalize_to_list_of_substitutions(arg) for arg in args]

    @property
    def args(self) -> list[list[Substitution]]:
        """The operands."""
        return self._args

    def describe(self) -> str:
        return describe_values(type(self).__name__, self._args)

    def perform(self, context: LaunchContext) -> str:
        values = [truth(context, arg) for arg in self._args]
        return bool_text(any(values))


class AllSubstitution(AnySubstitution):
    """True if all operands are."""

    def perform(self, context: LaunchContext) -> str:
        values = [truth(context, arg) for arg in self._args]
        return bool_text(all(values))
