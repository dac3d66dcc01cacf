"""Comparison of values; the results are the texts 'true' and 'false'."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_substitutions
from .boolean_substitution import bool_text, describe_values

if TYPE_CHECKING:
    from ..launch_context import LaunchContext

Operand = str | bool | int | float | Substitution | Iterable[Any] | None


def _normalize(value: Operand) -> list[Substitution]:
    if value is None:
        return normalize_to_list_of_substitutions('')
    if isinstance(value, (bool, int, float)):
        return normalize_to_list_of_substitutions(str(value))
    return normalize_to_list_of_substitutions(value)


def _as_bool(text: str) -> bool | None:
    return {'true': True, '1': True, 'false': False, '0': False}.get(text.lower())


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def texts_equal(left: str, right: str) -> bool:
    """Return whether two texts are equal as truth values, as numbers, or letter by letter."""
    left_bool, right_bool = _as_bool(left), _as_bool(right)
    if left_bool is not None and right_bool is not None:
        return left_bool == right_bool
    left_number, right_number = _as_number(left), _as_number(right)
    if left_number is not None and right_number is not None:
        return math.isclose(left_number, right_number)
    return left == right


class EqualsSubstitution(Substitution):
    """True if the operands are equal: true equals 1 and True, 1.0 equals 1, other text letter by letter."""

    def __init__(self, left: Operand, right: Operand) -> None:
        self._left = _normalize(left)
        self._right = _normalize(right)

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

    def _equal(self, context: LaunchContext) -> bool:
        return texts_equal(perform_substitutions(context, self._left), perform_substitutions(context, self._right))

    def perform(self, context: LaunchContext) -> str:
        return bool_text(self._equal(context))


class NotEqualsSubstitution(EqualsSubstitution):
    """True if the operands are not equal."""

    def perform(self, context: LaunchContext) -> str:
        return bool_text(not self._equal(context))
