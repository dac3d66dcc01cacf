"""Messages to text: YAML and CSV as `ros2 topic echo` prints them."""

from __future__ import annotations

import array
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from operator import not_
from typing import Any

import numpy
import yaml
from rosidl_parser import definition

SEQUENCES = (list, tuple, array.array, numpy.ndarray)


@dataclass(frozen=True)
class Shortening:
    """What is left out: elements beyond `length` (None = nothing), arrays, strings."""

    length: int | None = None
    no_arr: bool = False
    no_str: bool = False


EVERYTHING = Shortening()


def message_to_dict(message: Any, shortening: Shortening = EVERYTHING) -> dict[str, Any]:
    """A message as nested dictionaries, lists and scalars, in the order of its definition."""
    return {
        name: _plain(getattr(message, name), slot_type, shortening)
        for name, slot_type in zip(message.get_fields_and_field_types(), message.SLOT_TYPES)
    }


def message_to_yaml(message: Any, shortening: Shortening = EVERYTHING, flow_style: bool = False) -> str:
    """A message as a YAML document, ending with a newline."""
    return to_yaml(message_to_dict(message, shortening), flow_style)


class _FlowLists(yaml.Dumper):
    """Writes a list in one line, and each key of a mapping that is not within one in a line of its own."""


_FlowLists.add_representer(
    dict, lambda dumper, value: dumper.represent_mapping('tag:yaml.org,2002:map', value, flow_style=False)
)


def to_yaml(value: Any, flow_style: bool = False) -> str:
    """Plain values as YAML: keys as they come, long lines unbroken; with `flow_style` lists in one line."""
    dumper = _FlowLists if flow_style else yaml.Dumper
    return yaml.dump(
        value, Dumper=dumper, allow_unicode=True, width=sys.maxsize, default_flow_style=flow_style, sort_keys=False
    )


def plain_value(value: Any, shortening: Shortening = EVERYTHING) -> Any:
    """A field's value (message, array or scalar) as plain Python values."""
    return _plain(value, None, shortening)


def message_to_csv(message: Any, shortening: Shortening = EVERYTHING) -> str:
    """All values of a message, nested ones too, separated by commas."""
    return _joined(
        _csv(getattr(message, name), slot_type, shortening)
        for name, slot_type in zip(message.get_fields_and_field_types(), message.SLOT_TYPES)
    )


def _plain(value: Any, slot_type: Any, shortening: Shortening) -> Any:
    if isinstance(value, bytes):
        return _cut(value.decode('latin-1'), shortening)
    if isinstance(value, str):
        return f'<string length: <{len(value)}>>' if shortening.no_str else _cut(value, shortening)
    if isinstance(value, SEQUENCES):
        if shortening.no_arr and slot_type is not None:
            return _array_summary(value, slot_type)
        shown, is_cut = _first(value, shortening)
        return [_plain(element, None, shortening) for element in shown] + (['...'] if is_cut else [])
    if isinstance(value, numpy.generic):
        return value.item()
    if isinstance(value, (bool, int, float)):
        return value
    return message_to_dict(value, shortening)


def _csv(value: Any, slot_type: Any, shortening: Shortening) -> str:
    if isinstance(value, SEQUENCES):
        if shortening.no_arr and slot_type is not None:
            return _array_summary(value, slot_type)
        shown, is_cut = _first(value, shortening)
        return _joined([*(_csv(element, None, shortening) for element in shown), *(['...'] if is_cut else [])])
    if isinstance(value, str):
        return f'<string length: <{len(value)}>>' if shortening.no_str else _cut(value, shortening)
    if isinstance(value, bytes):
        limit = shortening.length
        return str(value if limit is None or len(value) <= limit else value[:limit] + b'...')
    if isinstance(value, (bool, int, float, numpy.generic)):
        return str(value)
    return message_to_csv(value, shortening)


def _joined(parts: Iterable[str]) -> str:
    """The parts with a comma before each that follows some text: empty parts at the beginning leave no trace."""
    return ','.join(dropwhile(not_, parts))


def _cut(text: str, shortening: Shortening) -> str:
    limit = shortening.length
    return text if limit is None or len(text) <= limit else text[:limit] + '...'


def _first(values: Sequence[Any] | numpy.ndarray, shortening: Shortening) -> tuple[Any, bool]:
    limit = shortening.length
    if limit is None or len(values) <= limit:
        return values, False
    return values[:limit], True


def _array_summary(value: Any, slot_type: Any) -> str:
    element = _type_name(slot_type.value_type)
    if isinstance(slot_type, definition.Array):
        return f'<array type: {element}[{slot_type.size}]>'
    if isinstance(slot_type, definition.BoundedSequence):
        return f'<sequence type: {element}[{slot_type.maximum_size}], length: {len(value)}>'
    return f'<sequence type: {element}, length: {len(value)}>'


def _type_name(value_type: Any) -> str:
    if isinstance(value_type, definition.BasicType):
        return value_type.typename
    if isinstance(value_type, definition.AbstractWString):
        return 'wstring'
    if isinstance(value_type, definition.AbstractString):
        return 'string'
    return '/'.join(value_type.namespaced_name())
