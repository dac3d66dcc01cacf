"""Types accepted wherever text may contain substitutions."""

from collections.abc import Iterable
from pathlib import Path

from .substitution import Substitution

SomeSubstitutionsType = str | Substitution | Iterable[str | Substitution]

SomeSubstitutionsType_types_tuple = (str, Substitution, Iterable)

SomePathType = SomeSubstitutionsType | Path
