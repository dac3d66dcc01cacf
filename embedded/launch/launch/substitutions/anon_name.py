"""Names that no other launch uses."""

from __future__ import annotations

import os
import random
import socket
from typing import TYPE_CHECKING

from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_substitutions

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


class AnonName(Substitution):
    """`name` with host, process and a random number added, with _ for . - and :; the same within one launch."""

    def __init__(self, name: SomeSubstitutionsType) -> None:
        self._name = normalize_to_list_of_substitutions(name)

    @property
    def name(self) -> list[Substitution]:
        """The part of the name that is given."""
        return self._name

    def describe(self) -> str:
        return f"AnonName({' + '.join(sub.describe() for sub in self._name)})"

    def perform(self, context: LaunchContext) -> str:
        name = perform_substitutions(context, self._name)
        key = f'anon{name}'
        if key not in context.launch_configurations:
            unique = f'{name}_{socket.gethostname()}_{os.getpid()}_{random.randrange(2 ** 31)}'
            context.launch_configurations[key] = unique.translate(str.maketrans('.-:', '___'))
        return context.launch_configurations[key]
