"""Events about processes."""

from ..._stock_modules import provide
from ..._unsupported import unsupported
from . import process_io, process_targeted_event, running_process_event
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

provide(
    __name__,
    process_exited=running_process_event,
    process_matchers=process_targeted_event,
    process_started=running_process_event,
    process_stderr=process_io,
    process_stdin=process_io,
    process_stdout=process_io,
    shutdown_process=process_targeted_event,
    signal_process=process_targeted_event,
)

__getattr__ = unsupported(__name__)
