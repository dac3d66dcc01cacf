"""Events about processes."""

from ..._unsupported import unsupported
from .process_io import ProcessIO, ProcessStderr, ProcessStdin, ProcessStdout
from .process_targeted_event import (
    ProcessTargetedEvent,
    ShutdownProcess,
    SignalProcess,
    matches_executable,
    matches_name,
    matches_pid,
)
from .running_process_event import ProcessExited, ProcessStarted, RunningProcessEvent

__all__ = [
    'ProcessExited',
    'ProcessIO',
    'ProcessStarted',
    'ProcessStderr',
    'ProcessStdin',
    'ProcessStdout',
    'ProcessTargetedEvent',
    'RunningProcessEvent',
    'ShutdownProcess',
    'SignalProcess',
    'matches_executable',
    'matches_name',
    'matches_pid',
]

__getattr__ = unsupported(__name__)
