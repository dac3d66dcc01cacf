"""What can happen during a launch."""

from .._stock_modules import provide
from .._unsupported import unsupported
from . import basic, process
from .basic import ExecutionComplete, IncludeLaunchDescription, Shutdown, TimerEvent
from .matchers import matches_action

__all__ = ['ExecutionComplete', 'IncludeLaunchDescription', 'Shutdown', 'TimerEvent', 'matches_action', 'process']

provide(__name__, execution_complete=basic, include_launch_description=basic, shutdown=basic, timer_event=basic)

__getattr__ = unsupported(__name__)
