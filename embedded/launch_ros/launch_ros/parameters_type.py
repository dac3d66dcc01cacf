"""Types of what launch files give as parameters."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from launch.some_substitutions_type import SomeSubstitutionsType

from .parameter_descriptions import Parameter, ParameterFile, ParameterValue

SomeParameterFile = SomeSubstitutionsType | PathLike[str] | ParameterFile
SomeParameterValue = ParameterValue | SomeSubstitutionsType | bool | int | float | Sequence[Any]
SomeParametersDict = Mapping[Any, Any]
SomeParameters = Sequence[SomeParameterFile | Parameter | SomeParametersDict]
