"""Helpers that launch files and extensions use."""

from .._unsupported import unsupported
from .normalize import (
    ensure_argument_type,
    normalize_to_list_of_entities,
    normalize_to_list_of_substitutions,
    perform_substitutions,
)
from .visit import visit_all_entities_and_collect_futures

__all__ = [
    'ensure_argument_type',
    'normalize_to_list_of_entities',
    'normalize_to_list_of_substitutions',
    'perform_substitutions',
    'visit_all_entities_and_collect_futures',
]

__getattr__ = unsupported(__name__)
