"""Strict YAML configuration: mappings become dataclasses; what does not fit is an error that names the nearest."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import math
import reprlib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml

Config = TypeVar('Config')


class ConfigError(ValueError):
    """A user's configuration cannot be used. The message names file, key, value and what is allowed."""


@dataclasses.dataclass(frozen=True)
class Range:
    """Which numbers a field takes, beside its type: Annotated[float, Range(0.0, 1.0)].

    Attributes:
        low, high: bounds, which belong to it unless `above` or `below` say that they do not.
    """

    low: float
    high: float = math.inf
    above: bool = False
    below: bool = False

    def __contains__(self, value: float) -> bool:
        fits_low = value > self.low if self.above else value >= self.low
        fits_high = value < self.high if self.below else value <= self.high
        # math.isfinite would not take an int beyond the floats.
        return fits_low and fits_high and -math.inf < value < math.inf

    def __str__(self) -> str:
        low = f'{"above" if self.above else "at least"} {_plain(self.low)}'
        return low if self.high == math.inf else f'{low} and {"below" if self.below else "at most"} {_plain(self.high)}'


def _plain(value: float) -> str:
    """An int with all its digits."""
    return str(value) if isinstance(value, int) else f'{value:g}'


MOST = 2**31 - 1
"""Of whole numbers: more is a mistake, and torch and numpy cannot count it everywhere."""

SEEDS = Range(0, 2**32 - 1)
"""What every random generator takes."""

Count = Annotated[int, Range(1, MOST)]
Whole = Annotated[int, Range(0, MOST)]
Positive = Annotated[float, Range(0, above=True)]
Amount = Annotated[float, Range(0)]
Share = Annotated[float, Range(0, 1)]
ShareBelowOne = Annotated[float, Range(0, 1, below=True)]


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A hint for an unknown name: the nearest allowed one and the whole list."""
    names = sorted(str(item) for item in allowed)
    match = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f"did you mean '{match[0]}'? " if match else ''
    return f'{guess}allowed: {", ".join(names) if names else "nothing"}'


class _Loader(yaml.SafeLoader):
    """Refuses a key that a mapping has twice, of which YAML takes the last, and values that are not what they say they are."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Before merge keys (<<) are resolved: what comes from another mapping may be given anew.
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                raise ConfigError(f"line {line}: key '{key.value}' is repeated; it is on line {lines[key.value]} already")
            lines[key.value] = line
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ConfigError:
            raise
        # Of dates, and of explicit types as in !!int x, it lets pass what Python says.
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise ConfigError(f'line {node.start_mark.line + 1}: {reprlib.repr(node.value)} cannot be read: {error}') from None


def load_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        ConfigError: no such file, it cannot be read, is not YAML, not a mapping, or one with a key twice.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding='utf-8') if path.is_file() else None
    except UnicodeDecodeError as error:
        raise ConfigError(f'{path}: not UTF-8: byte {error.start} is {error.object[error.start]:#x}') from None
    except OSError as error:
        raise ConfigError(f'{path}: cannot be read: {error.strerror}') from None
    if text is None:
        siblings = [item.stem for item in path.parent.glob('*.yaml')] if path.parent.is_dir() else []
        raise ConfigError(f"{path.parent}: no file '{path.name}'; {nearest(path.stem, siblings)}")
    try:
        content = yaml.load(text, _Loader)
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from None
    except yaml.YAMLError as error:
        raise ConfigError(f'{path}: not valid YAML: {" ".join(str(error).split())}') from None
    except RecursionError:
        raise ConfigError(f'{path}: not valid YAML: nested too deeply') from None
    if content is None:
        content = {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ConfigError(f'{path}: expected a mapping with text keys at the top level')
    return content


def build(cls: type[Config], values: Mapping[str, Any], source: str) -> Config:
    """A dataclass from a mapping, checked field by field and recursively.

    Args:
        cls: dataclass; fields without default are required.
        values: mapping from field name to value.
        source: file and key path, for messages.

    Raises:
        ConfigError: unknown or missing key, or a value of the wrong type or out of its range.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f'{source}: expected a mapping, not {values!r}')
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise ConfigError(f"{source}: unknown key '{key}'; {nearest(str(key), fields)}")
    missing = [
        name for name, field in fields.items()
        if name not in values and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{source}: missing key '{missing[0]}' in {cls.__name__}")
    arguments = {key: _convert(hints[key], value, f'{source}: {key}') for key, value in values.items()}
    try:
        return cls(**arguments)
    except ConfigError as error:
        raise ConfigError(f'{source}: {error}') from None


def load_section(path: Path, section: str, cls: type[Config], shared: Iterable[str] = ()) -> Config:
    """One section of a YAML file as a dataclass, together with the named top-level keys.

    Args:
        path: for example config/robots/a1.yaml.
        section: key of the section, for example 'driver'.
        cls: dataclass with the section's keys and the shared ones as fields.
        shared: top-level keys of the file that the dataclass takes too, for example 'joints'.
    """
    content = load_yaml(path)
    if section not in content:
        raise ConfigError(f"{path}: missing section '{section}'; {nearest(section, content)}")
    values = content[section]
    if not isinstance(values, Mapping):
        raise ConfigError(f'{path}: {section}: expected a mapping, not {values!r}')
    top = {key: content[key] for key in shared if key in content}
    return build(cls, {**top, **values}, f'{path}: {section}')


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Stack two blocks: mappings merge key by key, anything else is replaced."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _convert(hint: Any, value: Any, source: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is Annotated:
        kind, allowed = arguments
        number = _convert(kind, value, source)
        if number not in allowed:
            raise ConfigError(f'{source}: {value!r} is not allowed; {allowed}')
        return number
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, source)
    if origin is typing.Literal:
        if value not in arguments:
            raise ConfigError(f'{source}: {value!r} is not allowed; {nearest(str(value), map(str, arguments))}')
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return build(hint, value, source)
    if origin in (dict, Mapping) or hint is dict:
        return _convert_mapping(arguments, value, source)
    if origin in (list, tuple) or hint in (list, tuple):
        return _convert_sequence(origin or hint, arguments, value, source)
    return _convert_scalar(hint, value, source)


def _convert_union(arguments: tuple[Any, ...], value: Any, source: str) -> Any:
    if value is None and type(None) in arguments:
        return None
    options = [option for option in arguments if option is not type(None)]
    for option in options:
        try:
            return _convert(option, value, source)
        except ConfigError:
            if option is options[-1]:
                raise
    raise ConfigError(f'{source}: {value!r} is not allowed')


def _convert_mapping(arguments: tuple[Any, ...], value: Any, source: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f'{source}: expected a mapping, not {value!r}')
    inner = arguments[1] if len(arguments) == 2 else Any
    return {str(key): _convert(inner, item, f'{source}: {key}') for key, item in value.items()}


def _convert_sequence(kind: type, arguments: tuple[Any, ...], value: Any, source: str) -> Any:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise ConfigError(f'{source}: expected a list, not {value!r}')
    items = list(value)
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
        if len(items) != len(arguments):
            raise ConfigError(f'{source}: expected {len(arguments)} values, not {len(items)}')
        inner = list(arguments)
    else:
        inner = [arguments[0] if arguments else Any] * len(items)
    return kind(_convert(hint, item, f'{source}[{index}]') for index, (hint, item) in enumerate(zip(inner, items)))


def _convert_scalar(hint: Any, value: Any, source: str) -> Any:
    if hint is float:
        # YAML 1.1 reads 1e-4 (without a dot) as text.
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            # OverflowError: an int beyond the floats.
            with contextlib.suppress(ValueError, OverflowError):
                number = float(value)
                # No key means anything by a number that is none.
                if not math.isnan(number):
                    return number
    elif hint is Path and isinstance(value, (str, Path)):
        return Path(value)
    elif hint in (str, bool, int) and isinstance(value, hint) and isinstance(value, bool) == (hint is bool):
        return value
    raise ConfigError(f'{source}: expected {getattr(hint, "__name__", hint)}, not {value!r}')


def differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = '') -> Iterator[str]:
    """Of two mappings key by key: 'a.b: 1 there, 2 here'."""
    for key in {**before, **now}:
        there, here = before.get(key, '(missing)'), now.get(key, '(missing)')
        if isinstance(there, Mapping) and isinstance(here, Mapping):
            yield from differences(there, here, f'{prefix}{key}.')
        elif _as_list(there) != _as_list(here):
            yield f'{prefix}{key}: {there} there, {here} here'


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
