"""Conditions under which actions are executed."""

from .._unsupported import unsupported
from .errors import InvalidConditionExpressionError
from .evaluate import evaluate_condition_expression
from .if_condition import IfCondition, UnlessCondition

__all__ = ['IfCondition', 'InvalidConditionExpressionError', 'UnlessCondition', 'evaluate_condition_expression']

__getattr__ = unsupported(__name__)
