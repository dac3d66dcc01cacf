"""Predicates that say which node an event is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..actions.node import Node


def matches_node_name(node_name: str) -> Callable[[Node], bool]:
    """Return a matcher for the fully qualified name of a node; the leading slash may be missing."""
    full_name = node_name if node_name.startswith('/') else f'/{node_name}'
    return lambda action: action.node_name == full_name
