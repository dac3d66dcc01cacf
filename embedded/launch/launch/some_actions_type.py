"""Types accepted wherever one or several actions are expected."""

from collections.abc import Iterable

from .action import Action

SomeActionsType = Action | Iterable[Action]

SomeActionsType_types_tuple = (Action, Iterable)
