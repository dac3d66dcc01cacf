"""What can happen to nodes."""

from launch._unsupported import unsupported

from . import lifecycle
from .matchers import matches_node_name

__all__ = ['lifecycle', 'matches_node_name']

__getattr__ = unsupported(__name__)
