"""Plain values (from YAML) into messages, checked against the message definition.

The generated classes check nothing by default, and a value of the wrong type fails much later, so it is done here.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

import yaml
from rosidl_parser import definition

from ros2cli.command import CommandError, nearest

INTEGERS = {
    f'{sign}int{bits}': (0 if sign else -(2 ** (bits - 1)), 2 ** (bits if sign else bits - 1) - 1)
    for bits in (8, 16, 32, 64) for sign in ('', 'u')
} | {'char': (0, 255), 'octet': (0, 255)}
DIGITS = re.compile(r'[+-]?[0-9]+')   # a whole number in quotes
BYTES = ('uint8', 'octet', 'char')   # array elements that a binary value stands for
FLOATS = ('float', 'double', 'long double')

TimeSetter = Callable[[Any], None]


def read_values(text: str, what: str = 'value') -> dict[str, Any]:
    """A mapping from a YAML text; an empty text is an empty mapping.

    Raises:
        CommandError: not YAML, or not a mapping.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CommandError(f'The passed {what} is not valid YAML: {_one_line(error)}') from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise CommandError(f"The passed {what} needs to be a dictionary in YAML format, such as '{{data: 1}}', is: {text}")
    return values


def fill(message: Any, values: dict[str, Any], expand_time: bool = False) -> list[TimeSetter]:
    """Sets a message's fields; those not named keep their defaults.

    With `expand_time`, the value 'auto' of a std_msgs/Header and 'now' of a builtin_interfaces/Time stand for the time
    of sending: the functions returned each take a Time message and set one of them.

    Raises:
        CommandError: an unknown field or a value that does not fit; names the field by its path.
    """
    setters: list[TimeSetter] = []
    try:
        _fill(message, values, '', setters if expand_time else None)
    except _Misfit as misfit:
        raise CommandError(f'Failed to populate field: {misfit}') from misfit
    return setters


class _Misfit(ValueError):
    """A value that does not fit its field."""


def _fill(message: Any, values: Any, path: str, setters: list[TimeSetter] | None) -> None:
    if not isinstance(values, dict):
        raise _Misfit(f"'{path}' takes a dictionary of {_class_name(message)}'s fields, not {values!r}")
    slots = dict(zip(message.get_fields_and_field_types(), message.SLOT_TYPES))
    for key, value in values.items():
        where = f'{path}.{key}' if path else str(key)
        if key not in slots:
            raise _Misfit(f"{_class_name(message)} has no field '{key}'{nearest(str(key), slots)}")
        if setters is not None and _expands(message, key, slots[key], value, setters):
            continue
        setattr(message, key, _convert(slots[key], value, where, setters))


def _expands(message: Any, key: str, slot: Any, value: Any, setters: list[TimeSetter]) -> bool:
    if not isinstance(slot, definition.NamespacedType):
        return False
    name = '/'.join(slot.namespaced_name())
    if (name, value) == ('std_msgs/msg/Header', 'auto'):
        header = getattr(message, key)
        setters.append(lambda stamp: setattr(header, 'stamp', stamp))
        return True
    if (name, value) == ('builtin_interfaces/msg/Time', 'now'):
        setters.append(lambda stamp: setattr(message, key, stamp))
        return True
    return False


def _convert(slot: Any, value: Any, where: str, setters: list[TimeSetter] | None) -> Any:
    if isinstance(slot, definition.AbstractNestedType):
        return _convert_array(slot, value, where, setters)
    if isinstance(slot, definition.NamespacedType):
        message = _message_class(slot)()
        _fill(message, value, where, setters)
        return message
    if isinstance(slot, definition.AbstractGenericString):
        return _convert_string(slot, value, where)
    return _convert_basic(slot.typename, value, where)


def _convert_array(slot: Any, value: Any, where: str, setters: list[TimeSetter] | None) -> Any:
    if isinstance(value, bytes) and getattr(slot.value_type, 'typename', '') in BYTES:
        value = list(value)
    if not isinstance(value, (list, tuple)):
        raise _Misfit(f"'{where}' takes a list, not {value!r}")
    if isinstance(slot, definition.Array) and len(value) != slot.size:
        raise _Misfit(f"'{where}' takes {slot.size} elements, not {len(value)}")
    if isinstance(slot, definition.BoundedSequence) and len(value) > slot.maximum_size:
        raise _Misfit(f"'{where}' takes at most {slot.maximum_size} elements, not {len(value)}")
    return [_convert(slot.value_type, element, f'{where}[{i}]', setters) for i, element in enumerate(value)]


def _convert_string(slot: Any, value: Any, where: str) -> str:
    if isinstance(value, (dict, list)) or value is None:
        raise _Misfit(f"'{where}' takes a string, not {value!r}")
    text = value if isinstance(value, str) else str(value)
    limit = getattr(slot, 'maximum_size', None)
    if limit is not None and len(text) > limit:
        raise _Misfit(f"'{where}' takes at most {limit} characters, not {len(text)}")
    return text


def _convert_basic(typename: str, value: Any, where: str) -> Any:
    if typename == 'boolean':
        if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
            return bool(value)
        raise _Misfit(f"'{where}' takes true or false, not {value!r}")
    if typename in FLOATS:
        # A string too: YAML reads 1e-3, which has no dot, as one.
        try:
            return float(value if not isinstance(value, bool) else str(value))
        except (TypeError, ValueError) as error:
            raise _Misfit(f"'{where}' takes a number, not {value!r}") from error
    low, high = INTEGERS[typename]
    if typename == 'octet' and isinstance(value, str) and len(value) == 1 and ord(value) <= high:
        return value.encode('latin-1')
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and DIGITS.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Misfit(f"'{where}' takes a whole number ({typename}), not {value!r}")
    if not low <= value <= high:
        raise _Misfit(f"'{where}' takes {typename}, {low} to {high}, not {value}")
    return bytes([value]) if typename == 'octet' else value


def _message_class(slot: Any) -> Any:
    *package, name = slot.namespaced_name()
    return getattr(importlib.import_module('.'.join(package)), name)


def _class_name(message: Any) -> str:
    return type(message).__name__


def _one_line(error: yaml.YAMLError) -> str:
    return ' '.join(str(error).split())
