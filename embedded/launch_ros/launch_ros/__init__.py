"""Launching of ROS nodes: our own version of the part of ROS 2's launch_ros that this project uses."""

from launch._unsupported import unsupported

from . import actions, descriptions, substitutions

__all__ = ['actions', 'descriptions', 'substitutions']

__getattr__ = unsupported(__name__)
