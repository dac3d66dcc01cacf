"""Descriptions of parameter values, parameters and parameter files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from launch.frontend import parse_substitution
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.substitutions import SubstitutionFailure
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions
from launch.utilities.typed import SCALAR_TYPES, coerce, ensure_uniform, is_type, perform_bool, type_name


def _is_text(value: Any) -> bool:
    """Return whether `value` is a substitution, or a list of nothing but texts and at least one substitution."""
    if isinstance(value, Substitution):
        return True
    return isinstance(value, (list, tuple)) and any(isinstance(item, Substitution) for item in value) and all(
        isinstance(item, (str, Substitution)) for item in value)


def _perform(context: LaunchContext, value: Any, data_type: Any) -> Any:
    text = perform_substitutions(context, normalize_to_list_of_substitutions(value))
    return coerce(text, data_type)


def _check_value(value: Any, value_type: Any) -> None:
    """Raise TypeError unless `value` can be a parameter of the type."""
    if _is_text(value):
        return
    if isinstance(value, (list, tuple)):
        known = [item for item in value if not _is_text(item)]
        types = {type(item) for item in known}
        if (value_type is None or get_origin(value_type) is list) and types <= set(SCALAR_TYPES) and (
                len(types) < 2 or types == {int, float}) and (value_type is None or is_type(known, value_type)):
            return
    elif isinstance(value, SCALAR_TYPES) and (value_type is None or is_type(value, value_type)):
        return
    what = 'a bool, int, float or text, nor a list of one of them' if value_type is None else type_name(value_type)
    raise TypeError(f'ParameterValue: {value!r} is not {what}')


class ParameterValue:
    """
    A value with a type.

    Text from substitutions becomes `value_type`: bool, int, float, str, List[...] of one of them, or None for what YAML
    makes of it; each item of a list by itself, but a list of nothing but texts and substitutions is one text. What
    needs no substitution stays as it is and must be of the type.
    """

    def __init__(self, value: Any, *, value_type: Any = None) -> None:
        self._value = value
        self._value_type = value_type
        _check_value(value, value_type)

    @property
    def value(self) -> Any:
        """The value, perhaps with substitutions."""
        return self._value

    @property
    def value_type(self) -> Any:
        """The type asked for, or None."""
        return self._value_type

    def evaluate(self, context: LaunchContext) -> Any:
        """Return the typed value; ValueError if it is not of the type."""
        if _is_text(self._value):
            return _perform(context, self._value, self._value_type)
        if isinstance(self._value, (list, tuple)):
            return self._evaluate_list(context)
        return float(self._value) if self._value_type is float else self._value

    def _evaluate_list(self, context: LaunchContext) -> list[Any]:
        [item_type] = get_args(self._value_type) or [None]
        real = item_type is float or any(type(item) is float for item in self._value)
        items: list[Any] = []
        for item in self._value:
            if _is_text(item):
                items.append(_perform(context, item, item_type))
            else:
                items.append(float(item) if real else item)
        ensure_uniform(items)
        return items

    def __str__(self) -> str:
        return f'launch_ros.description.ParameterValue(value={self._value}, value_type={self._value_type})'


class Parameter:
    """A named value; given to the node on its command line."""

    def __init__(self, name: SomeSubstitutionsType, value: Any, *, value_type: Any = None) -> None:
        self._name = normalize_to_list_of_substitutions(name)
        self._value = ParameterValue(value, value_type=value_type)

    @property
    def name(self) -> list[Substitution]:
        """The name."""
        return self._name

    @property
    def value(self) -> Any:
        """The value, perhaps with substitutions."""
        return self._value.value

    @property
    def value_type(self) -> Any:
        """The type asked for, or None."""
        return self._value.value_type

    def evaluate(self, context: LaunchContext) -> tuple[str, Any]:
        """Return name and typed value; SubstitutionFailure if the value is not of the type."""
        name = perform_substitutions(context, self._name)
        try:
            return name, self._value.evaluate(context)
        except ValueError as error:
            raise SubstitutionFailure(f"parameter '{name}': {error}") from None


class ParameterFile:
    """
    A YAML file with parameters.

    `allow_substs`: perform substitutions such as $(var robot) or $(find-pkg-share demo) in the file; all nodes are then
    given one temporary file, written for the first of them, which :meth:`cleanup` removes.
    """

    def __init__(
        self, param_file: SomeSubstitutionsType | os.PathLike[str] | bytes, *,
        allow_substs: bool | SomeSubstitutionsType = False,
    ) -> None:
        if isinstance(param_file, (bytes, os.PathLike)):
            param_file = os.fsdecode(param_file)
        self._param_file = normalize_to_list_of_substitutions(param_file)
        self._allow_substs = allow_substs
        self._temporary: Path | None = None

    @property
    def param_file(self) -> list[Substitution]:
        """The path."""
        return self._param_file

    @property
    def allow_substs(self) -> bool | SomeSubstitutionsType:
        """Whether substitutions in the file are performed."""
        return self._allow_substs

    def evaluate(self, context: LaunchContext) -> Path:
        """Return the path, or that of the temporary file; SubstitutionFailure names a file that cannot be substituted."""
        path = Path(perform_substitutions(context, self._param_file))
        if not perform_bool(context, self._allow_substs, 'allow_substs'):
            return path
        if self._temporary is not None:
            return self._temporary
        try:
            text = perform_substitutions(context, parse_substitution(path.read_text(encoding='utf-8')))
            yaml.safe_load(text)
        except (OSError, SubstitutionFailure, yaml.YAMLError) as error:
            raise SubstitutionFailure(f"parameter file '{path}': {error}") from None
        with tempfile.NamedTemporaryFile('w', prefix='launch_params_', suffix='.yaml', delete=False) as file:
            file.write(text)
        self._temporary = Path(file.name)
        return self._temporary

    def cleanup(self) -> None:
        """Remove the temporary file."""
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None
