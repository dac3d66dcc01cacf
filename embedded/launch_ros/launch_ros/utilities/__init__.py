"""Helpers for names, namespaces and parameters of nodes."""

from launch._unsupported import unsupported

from .namespaces import is_namespace_absolute, make_namespace_absolute, prefix_namespace
from .parameters import normalize_parameters

__all__ = ['is_namespace_absolute', 'make_namespace_absolute', 'normalize_parameters', 'prefix_namespace']

__getattr__ = unsupported(__name__)
