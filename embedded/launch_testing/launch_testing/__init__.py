"""What tests of launch descriptions share: our own version of the part of ROS 2's launch_testing that such tests import."""

from launch._unsupported import unsupported

from . import actions, util

__all__ = ['actions', 'util']

__getattr__ = unsupported(__name__)
