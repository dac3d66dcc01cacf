"""Value of a Python expression."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_substitutions

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


class PythonExpression(Substitution):
    """
    Joins the substitutions to one expression and evaluates it; what goes wrong in it is raised as it is.

    Modules named in `python_modules` are known by their names, and those of `math` without a prefix.
    """

    def __init__(
        self, expression: SomeSubstitutionsType, python_modules: SomeSubstitutionsType = ('math',),
    ) -> None:
        self._expression = normalize_to_list_of_substitutions(expression)
        self._modules = normalize_to_list_of_substitutions(python_modules)

    @property
    def expression(self) -> list[Substitution]:
        """The expression."""
        return self._expression

    @property
    def python_modules(self) -> list[Substitution]:
        """The names of the modules."""
        return self._modules

    def describe(self) -> str:
        modules = ', '.join(sub.describe() for sub in self._modules)
        return f"PythonExpr({' + '.join(sub.describe() for sub in self._expression)}, [{modules}])"

    def perform(self, context: LaunchContext) -> str:
        expression = perform_substitutions(context, self._expression)
        names = {}
        for module_sub in self._modules:
            module_name = context.perform_substitution(module_sub)
            module = importlib.import_module(module_name)
            names[module_name.partition('.')[0]] = importlib.import_module(module_name.partition('.')[0])
            if module_name == 'math':
                names.update(vars(module))
        try:
            return str(eval(expression, {}, names))
        except Exception as error:
            error.add_note(f"in the Python expression '{expression}'")
            raise
