"""Tests beside running launch descriptions: our own version of ROS 2's launch_pytest."""

from launch._unsupported import unsupported

from . import actions, tools
from .fixture import fixture

__all__ = ['actions', 'fixture', 'tools']

__getattr__ = unsupported(__name__)
