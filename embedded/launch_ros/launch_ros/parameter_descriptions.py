"""Descriptions of parameter values, parameters and parameter files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import yaml
from launch.frontend import parse_substitution
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.substitutions import SubstitutionFailure
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions
from launch.utilities.typed import coerce, is_type, perform_bool, type_name


def _contains_substitution(value: Any) -> bool:
    if isinstance(value, Substitution):
        return True
    return isinstance(value, (list, tuple)) and any(_contains_substitution(item) for item in value)


class ParameterValue:
    """
    A value with a type.

    `value_type`: bool, int, float, str, List[...] of one of them, or None for what YAML makes of the text
    that substitutions give.
    """

    def __init__(self, value: Any, *, value_type: Any = None) -> None:
        self._value = value
        self._value_type = value_type
        if not _contains_substitution(value) and not isinstance(value, str) and value_type is not None \
                and not is_type(value, value_type):
            raise TypeError(f'ParameterValue: {value!r} is not of type {type_name(value_type)}')

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
        if _contains_substitution(self._value) or isinstance(self._value, str):
            text = perform_substitutions(context, normalize_to_list_of_substitutions(self._value))
            return coerce(text, self._value_type)
        if self._value_type is float:
            return float(self._value)
        return list(self._value) if isinstance(self._value, tuple) else self._value

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

    `allow_substs`: perform substitutions such as $(var robot) or $(find-pkg-share demo) in the file; the node is then
    given a temporary file, which :meth:`cleanup` removes.
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
        self.cleanup()
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
