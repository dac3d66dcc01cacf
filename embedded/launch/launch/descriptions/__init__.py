"""Descriptions of processes."""

from .._unsupported import unsupported
from .executable import Executable

__all__ = ['Executable']

__getattr__ = unsupported(__name__)
