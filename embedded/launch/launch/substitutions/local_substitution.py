"""Value of a context local."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..substitution import Substitution
from .substitution_failure import SubstitutionFailure

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


class LocalSubstitution(Substitution):
    """The value of an expression on `context.locals`, such as `event.returncode`."""

    def __init__(self, expression: str, description: str | None = None) -> None:
        if not isinstance(expression, str):
            raise TypeError(f'LocalSubstitution: expression must be str, got {expression!r}')
        self._expression = expression
        self._description = description

    @property
    def expression(self) -> str:
        """The expression."""
        return self._expression

    @property
    def description(self) -> str | None:
        """What stands for the expression in descriptions, or None."""
        return self._description

    def describe(self) -> str:
        return f"LocalVar('{self._description or self._expression}')"

    def perform(self, context: LaunchContext) -> str:
        try:
            return str(eval(f'context.locals.{self._expression}', {}, {'context': context}))
        except Exception as error:
            raise SubstitutionFailure(f"local '{self._expression}': {error}") from error
