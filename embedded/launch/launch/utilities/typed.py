"""Conversion of text that came out of substitutions into typed values, by the rules of YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_origin

import yaml

if TYPE_CHECKING:
    from ..launch_context import LaunchContext
    from ..some_substitutions_type import SomeSubstitutionsType

SCALAR_TYPES = (bool, int, float, str)


def type_name(data_type: Any) -> str:
    """Return a readable name of a scalar type or of List[scalar]."""
    return data_type.__name__ if isinstance(data_type, type) else str(data_type).replace('typing.', '')


def _is_uniform_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and type(value[0]) in SCALAR_TYPES and all(
        type(item) is type(value[0]) for item in value)


def ensure_uniform(items: list[Any]) -> None:
    """Raise ValueError unless all items of a list are of one scalar type."""
    if items and not _is_uniform_list(items):
        raise ValueError(f'the items of a list must be of one type: bool, int, float or text, got {items}')


def _as_scalar(value: Any, text: str, data_type: type) -> Any:
    """`value`: what YAML makes of `text`. Numbers follow Python: to YAML 1e-3, which has no dot, is text."""
    if data_type is str:
        return text
    if data_type in (int, float):
        try:
            return data_type(text)
        except ValueError:
            pass
    elif data_type is bool and text in ('0', '1'):
        return text == '1'
    if type(value) is data_type:
        return value
    raise ValueError(f"'{text}' is not of type {data_type.__name__}")


def coerce(text: str, data_type: Any = None) -> Any:
    """
    Return the value that `text` stands for.

    `data_type`: bool, int, float, str, List[...] of one of them, or None for what YAML makes of it.
    Raises ValueError if `text` is not of that type, or not a scalar or uniform list.
    """
    if data_type is str:
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"'{text}' is not valid YAML; force text with value_type=str") from error
    if data_type is None:
        if text.strip() == '' or value is None:
            return text
        if type(value) in SCALAR_TYPES or _is_uniform_list(value):
            return value
        raise ValueError(
            f"'{text}' is neither a bool, int, float, text nor a non-empty list of one of them; "
            'force text with value_type=str')
    if get_origin(data_type) is list:
        item_type = get_args(data_type)[0]
        if not isinstance(value, list):
            raise ValueError(f"'{text}' is not of type {type_name(data_type)}")
        return [_as_scalar(item, str(item), item_type) for item in value]
    return _as_scalar(value, text, data_type)


def perform_bool(context: LaunchContext, value: bool | SomeSubstitutionsType, what: str) -> bool:
    """Return the truth value of text by the rules of YAML, or 0 or 1; SubstitutionFailure names `what`."""
    from ..substitutions.substitution_failure import SubstitutionFailure
    from .normalize import perform_any
    if isinstance(value, bool):
        return value
    try:
        return bool(coerce(perform_any(context, value), bool))
    except ValueError as error:
        raise SubstitutionFailure(f'{what}: {error}: true, false, yes, no, on, off, 1 or 0') from None


def is_type(value: Any, data_type: Any) -> bool:
    """Return whether a value that needed no substitution already has the type asked for."""
    if get_origin(data_type) is list:
        item_type = get_args(data_type)[0]
        return isinstance(value, (list, tuple)) and all(is_type(item, item_type) for item in value)
    if data_type is float:
        return type(value) in (int, float)
    return type(value) is data_type
