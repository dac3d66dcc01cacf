"""
Parameters of nodes as launch files write them.

Normalizing turns what a launch file gives into parameter files, parameters and flat dictionaries without performing
a substitution; evaluating performs them. Plain text stays text; text out of substitutions is read as YAML.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Union

import yaml
from launch.launch_context import LaunchContext
from launch.substitution import Substitution
from launch.substitutions import SubstitutionFailure, TextSubstitution
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions
from launch.utilities.typed import coerce, ensure_uniform

from ..parameter_descriptions import Parameter, ParameterFile, ParameterValue

ParameterName = tuple[Substitution, ...]
NormalizedValue = Union[bool, int, float, str, list[Any], 'SubstitutedValue', 'SubstitutedList', ParameterValue]
NormalizedDict = dict[ParameterName, NormalizedValue]
NormalizedParameters = list[ParameterFile | Parameter | NormalizedDict]


class SubstitutedValue:
    """A value that is the YAML text which substitutions give."""

    def __init__(self, subs: Sequence[Substitution]) -> None:
        self.subs = list(subs)

    def evaluate(self, context: LaunchContext, name: str) -> Any:
        """Return the value; SubstitutionFailure names the parameter."""
        text = perform_substitutions(context, self.subs)
        try:
            return coerce(text)
        except ValueError as error:
            raise SubstitutionFailure(f"parameter '{name}': {error}") from None


class SubstitutedList:
    """A list whose items are texts or substitutions, each performed by itself."""

    def __init__(self, items: Sequence[Sequence[Substitution]]) -> None:
        self.items = [list(item) for item in items]

    def evaluate(self, context: LaunchContext, name: str) -> list[Any]:
        """Return the list: typed by YAML if that gives one type; SubstitutionFailure otherwise."""
        values = [SubstitutedValue(item).evaluate(context, name) for item in self.items]
        try:
            ensure_uniform(values)
        except ValueError as error:
            raise SubstitutionFailure(f"parameter '{name}': {error}") from None
        return values


def _normalize_sequence(value: Sequence[Any], name: str) -> NormalizedValue:
    items = list(value)
    if any(isinstance(item, Substitution) for item in items) and all(
            isinstance(item, (str, Substitution)) for item in items):
        return SubstitutedValue(normalize_to_list_of_substitutions(items))
    if not items:
        raise TypeError(f"parameter '{name}': an empty list has no type; leave the parameter out")
    types = {type(item) for item in items}
    if types == {int, float}:
        return [float(item) for item in items]
    if len(types) == 1 and types <= {bool, int, float, str}:
        return items
    if all(isinstance(item, (str, bool, int, float, list, tuple, Substitution)) for item in items):
        return SubstitutedList([
            normalize_to_list_of_substitutions(
                item if isinstance(item, (list, tuple, Substitution)) else parameter_text(item))
            for item in items])
    raise TypeError(f"parameter '{name}': the items of a list must be bool, int, float or text, got {items!r}")


def _normalize_value(value: Any, name: str) -> NormalizedValue:
    if isinstance(value, (bool, int, float, str, ParameterValue)):
        return value
    if isinstance(value, Substitution):
        return SubstitutedValue([value])
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):
        return _normalize_sequence(value, name)
    raise TypeError(f"parameter '{name}': unexpected type {type(value).__name__}: {value!r}")


def normalize_parameter_dict(parameters: Mapping[Any, Any], prefix: Sequence[Substitution] = ()) -> NormalizedDict:
    """Flatten nested dictionaries to dotted names; TypeError for values that no parameter can have."""
    result: NormalizedDict = {}
    for key, value in parameters.items():
        name: list[Substitution] = [*prefix, *normalize_to_list_of_substitutions(key)]
        if isinstance(value, Mapping):
            result.update(normalize_parameter_dict(value, [*name, TextSubstitution(text='.')]))
        else:
            described = ''.join(sub.text if isinstance(sub, TextSubstitution) else sub.describe() for sub in name)
            result[tuple(name)] = _normalize_value(value, described)
    return result


def normalize_parameters(parameters: Sequence[Any] | None) -> NormalizedParameters:
    """Normalize the `parameters` argument of a node: a list of dictionaries, files and Parameter objects."""
    if parameters is None:
        return []
    if isinstance(parameters, (str, Mapping)) or not isinstance(parameters, Sequence):
        raise TypeError(f'parameters must be a list of dictionaries and files, got {parameters!r}')
    result: NormalizedParameters = []
    for item in parameters:
        if isinstance(item, Mapping):
            result.append(normalize_parameter_dict(item))
        elif isinstance(item, (Parameter, ParameterFile)):
            result.append(item)
        else:
            result.append(ParameterFile(item))
    return result


def evaluate_parameter_dict(context: LaunchContext, parameters: NormalizedDict) -> dict[str, Any]:
    """Perform all substitutions; lists come out as lists."""
    result: dict[str, Any] = {}
    for key, value in parameters.items():
        name = perform_substitutions(context, key)
        if isinstance(value, (SubstitutedValue, SubstitutedList)):
            result[name] = value.evaluate(context, name)
        elif isinstance(value, ParameterValue):
            try:
                result[name] = value.evaluate(context)
            except ValueError as error:
                raise SubstitutionFailure(f"parameter '{name}': {error}") from None
        else:
            result[name] = value
    return result


def parameter_text(value: Any) -> str:
    """Return the value as YAML in one line, as --ros-args -p takes it."""
    return yaml.safe_dump(value, default_flow_style=True, width=float('inf')).removesuffix('...\n').strip()
