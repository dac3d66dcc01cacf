"""Truth value of text."""


from ..launch_context import LaunchContext
from ..substitution import Substitution
from ..utilities.normalize import perform_substitutions
from .errors import InvalidConditionExpressionError

TRUE_TEXTS = ('true', '1')
FALSE_TEXTS = ('false', '0')


def text_to_bool(text: str) -> bool:
    """Return the truth value of true/false/1/0 in any case; ValueError for anything else."""
    stripped = text.strip().lower()
    if stripped in TRUE_TEXTS:
        return True
    if stripped in FALSE_TEXTS:
        return False
    raise ValueError(f"expected one of {TRUE_TEXTS + FALSE_TEXTS}, got '{text}'")


def evaluate_condition_expression(context: LaunchContext, expression: list[Substitution]) -> bool:
    """Perform `expression` and return its truth value; InvalidConditionExpressionError if it has none."""
    text = perform_substitutions(context, expression)
    try:
        return text_to_bool(text)
    except ValueError as error:
        names = ' + '.join(sub.describe() for sub in expression)
        raise InvalidConditionExpressionError(f'invalid condition {names}: {error}') from None
