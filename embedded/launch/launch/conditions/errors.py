"""Error raised for conditions that are neither true nor false."""


class InvalidConditionExpressionError(ValueError):
    """The text of a condition is not one of the accepted spellings of true and false."""
