"""What can happen during a launch."""

from .._unsupported import unsupported
from . import process
from .basic import ExecutionComplete, IncludeLaunchDescription, Shutdown, TimerEvent
from .matchers import matches_action

__all__ = ['ExecutionComplete', 'IncludeLaunchDescription', 'Shutdown', 'TimerEvent', 'matches_action', 'process']

__getattr__ = unsupported(__name__)
