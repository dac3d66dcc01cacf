"""Value of a Python expression."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_substitutions
from .substitution_failure import SubstitutionFailure

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


class PythonExpression(Substitution):
    """
    Joins the substitutions to one expression and evaluates it.

    Modules named in `python_modules` are known by their names, and those of `math` without a prefix.
    """

    def __init__(
        self, expression: SomeSubstitutionsType, python_modules: SomeSubstitutionsType = ('math',),
    ) -> None:
        self._expression = normalize_to_list_of_substitutions(expression)
        modules: Iterable[SomeSubstitutionsType] = (
            [python_modules] if isinstance(python_modules, (str, Substitution)) else python_modules)
        self._modules = [normalize_to_list_of_substitutions(module) for module in modules]

    @property
    def expression(self) -> list[Substitution]:
        """The expression."""
        return self._expression

    def describe(self) -> str:
        return f"PythonExpr({' + '.join(sub.describe() for sub in self._expression)})"

    def perform(self, context: LaunchContext) -> str:
        expression = perform_substitutions(context, self._expression)
        names = {}
        for module_subs in self._modules:
            module_name = perform_substitutions(context, module_subs)
            module = importlib.import_module(module_name)
            names[module_name.partition('.')[0]] = importlib.import_module(module_name.partition('.')[0])
            if module_name == 'math':
                names.update(vars(module))
        try:
            return str(eval(expression, {}, names))
        except Exception as error:
            raise SubstitutionFailure(
                f"Python expression '{expression}': {type(error).__name__}: {error}") from error
