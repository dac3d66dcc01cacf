"""Paths made of parts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


class PathJoinSubstitution(Substitution):
    """Parts joined with the path separator; a part that is a list is concatenated first."""

    def __init__(self, substitutions: SomeSubstitutionsType | Iterable[SomeSubstitutionsType]) -> None:
        parts = [substitutions] if isinstance(substitutions, (str, Substitution)) else substitutions
        self._parts = [normalize_to_list_of_substitutions(part) for part in parts]

    @property
    def substitutions(self) -> list[list[Substitution]]:
        """The parts, each a list of substitutions."""
        return self._parts

    def describe(self) -> str:
        parts = (' + '.join(sub.describe() for sub in part) for part in self._parts)
        return f"PathJoin('{' + '.join(parts)}')"

    def perform(self, context: LaunchContext) -> str:
        return os.path.join(*(''.join(sub.perform(context) for sub in part) for part in self._parts))
