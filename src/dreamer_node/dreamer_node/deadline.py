"""Ends this process after a time, whatever it is doing.

A Python thread cannot: the middleware holds the interpreter's lock while it is taken apart, and where it then waits for ever, no
other thread of Python runs and no signal handler either. The C library's timer calls _exit from a thread of its own.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading

SIGEV_THREAD = 2  # <signal.h>
CLOCK_MONOTONIC = 1  # <time.h>


class _Sigevent(ctypes.Structure):
    """struct sigevent of glibc and musl on 64-bit Linux."""

    _fields_ = [('value', ctypes.c_void_p), ('signo', ctypes.c_int), ('notify', ctypes.c_int), ('function', ctypes.c_void_p),
                ('attributes', ctypes.c_void_p), ('rest', ctypes.c_char * 32)]


class _Itimerspec(ctypes.Structure):
    """struct itimerspec: interval and value, seconds and nanoseconds each."""

    _fields_ = [(name, ctypes.c_long) for name in ('every_s', 'every_ns', 'after_s', 'after_ns')]


def end_after(seconds: float, code: int) -> None:
    """End this process with an exit code once so much time has passed, unless it has ended by then."""
    if not (sys.platform == 'linux' and _start_timer(seconds, code)):
        timer = threading.Timer(seconds, os._exit, [code])
        timer.daemon = True
        timer.start()


def _start_timer(seconds: float, code: int) -> bool:
    """Whether the C library has such a timer and took the order."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        create, settime, leave = library.timer_create, library.timer_settime, library._exit
    except (OSError, AttributeError):
        return False
    event = _Sigevent(value=code, notify=SIGEV_THREAD, function=ctypes.cast(leave, ctypes.c_void_p))
    timer = ctypes.c_void_p()
    if create(CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)):
        return False
    due = _Itimerspec(after_s=int(seconds), after_ns=int(seconds % 1 * 1e9))
    return settime(timer, 0, ctypes.byref(due), None) == 0
