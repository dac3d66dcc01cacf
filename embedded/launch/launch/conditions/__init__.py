"""Conditions under which actions are executed."""

from .._stock_modules import provide
from .._unsupported import unsupported
from . import errors, if_condition, launch_configuration_equals
from .errors import InvalidConditionExpressionError
from .evaluate import evaluate_condition_expression
from .if_condition import IfCondition, UnlessCondition
from .launch_configuration_equals import LaunchConfigurationEquals, LaunchConfigurationNotEquals

__all__ = [
    'IfCondition',
    'InvalidConditionExpressionError',
    'LaunchConfigurationEquals',
    'LaunchConfigurationNotEquals',
    'UnlessCondition',
    'evaluate_condition_expression',
]

provide(
    __name__,
    invalid_condition_expression_error=errors,
    launch_configuration_not_equals=launch_configuration_equals,
    unless_condition=if_condition,
)

__getattr__ = unsupported(__name__)
