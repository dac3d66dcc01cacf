"""Conversions of the loosely typed arguments of launch files into lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..launch_description_entity import LaunchDescriptionEntity
from ..substitution import Substitution

if TYPE_CHECKING:
    from ..launch_context import LaunchContext
    from ..some_entities_type import SomeEntitiesType
    from ..some_substitutions_type import SomePathType, SomeSubstitutionsType


def normalize_to_list_of_substitutions(subs: SomePathType) -> list[Substitution]:
    """
    Return `subs` (text, a substitution, a path, or an iterable of these) as a list of substitutions.

    Raises TypeError for anything else.
    """
    import pathlib

    from ..substitutions.text_substitution import TextSubstitution
    if isinstance(subs, Substitution):
        return [subs]
    if isinstance(subs, (str, pathlib.Path)):
        return [TextSubstitution(text=str(subs))]
    if isinstance(subs, Iterable) and not isinstance(subs, (bytes, dict)):
        result: list[Substitution] = []
        for sub in subs:
            result.extend(normalize_to_list_of_substitutions(sub))
        return result
    raise TypeError(f'expected text or substitutions, got {type(subs).__name__}: {subs!r}')


def normalize_to_list_of_entities(entities: SomeEntitiesType | None) -> list[LaunchDescriptionEntity]:
    """Flatten None, an entity, or nested iterables of entities into one list; TypeError for anything else."""
    if entities is None:
        return []
    if isinstance(entities, LaunchDescriptionEntity):
        return [entities]
    if isinstance(entities, Iterable) and not isinstance(entities, (str, bytes)):
        result: list[LaunchDescriptionEntity] = []
        for entity in entities:
            result.extend(normalize_to_list_of_entities(entity))
        return result
    raise TypeError(f'expected a launch entity (an action, say) or a list of them, got {entities!r}')


def perform_substitutions(context: LaunchContext, subs: Iterable[Substitution]) -> str:
    """Perform each substitution and join the results."""
    return ''.join(context.perform_substitution(sub) for sub in subs)


def perform_any(context: LaunchContext, value: SomeSubstitutionsType) -> str:
    """Normalize, then perform."""
    return perform_substitutions(context, normalize_to_list_of_substitutions(value))


def ensure_argument_type(argument: Any, types: Any, argument_name: str, caller: str | None = None) -> None:
    """Raise TypeError unless `argument` is an instance of `types` (a type or an iterable of types)."""
    allowed = types if isinstance(types, type) else tuple(types)
    if not isinstance(argument, allowed):
        where = f'{caller}: ' if caller else ''
        raise TypeError(f"{where}'{argument_name}' must be of type {allowed!r}, got {type(argument).__name__}")
