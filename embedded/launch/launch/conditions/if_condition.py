"""Conditions on the truth value of substitutions."""

from ..condition import Condition
from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..utilities.normalize import normalize_to_list_of_substitutions
from .evaluate import evaluate_condition_expression


class IfCondition(Condition):
    """Holds if the text is true or 1."""

    def __init__(self, predicate_expression: SomeSubstitutionsType) -> None:
        self._expression = normalize_to_list_of_substitutions(predicate_expression)
        super().__init__(predicate=self._holds)

    def _holds(self, context: LaunchContext) -> bool:
        return evaluate_condition_expression(context, self._expression)


class UnlessCondition(IfCondition):
    """Holds if the text is false or 0."""

    def _holds(self, context: LaunchContext) -> bool:
        return not evaluate_condition_expression(context, self._expression)
