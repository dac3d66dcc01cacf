"""Substitutions written as text. XML and YAML launch files are not covered: their names here are clear ImportErrors."""

from .._unsupported import unsupported
from .parse_substitution import parse_substitution

__all__ = ['parse_substitution']

__getattr__ = unsupported(__name__)
