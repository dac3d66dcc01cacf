"""Handlers for the events of a launch."""

from .._stock_modules import provide
from .._unsupported import unsupported
from . import on_process
from .on_action_event_base import OnActionEventBase
from .on_execution_complete import OnExecutionComplete
from .on_include_launch_description import OnIncludeLaunchDescription
from .on_process import OnProcessExit, OnProcessIO, OnProcessStart
from .on_shutdown import OnShutdown

__all__ = [
    'OnActionEventBase',
    'OnExecutionComplete',
    'OnIncludeLaunchDescription',
    'OnProcessExit',
    'OnProcessIO',
    'OnProcessStart',
    'OnShutdown',
]

provide(__name__, on_process_exit=on_process, on_process_io=on_process, on_process_start=on_process)

__getattr__ = unsupported(__name__)
