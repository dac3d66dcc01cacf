"""
Ends processes that a launch left behind.

Every process of a launch carries the token of the launch in its environment, and so do the processes that it
starts in turn. This file is also run as a program, the guard: it waits until the launch that started it is gone
(its standard input closes) and then ends whatever still carries the token, so that even a launch that is killed
leaves nothing. It uses only the standard library and nothing of this package.
"""

import contextlib
import os
import signal
import sys
import time

TOKEN_VARIABLE = 'EMBEDDED_LAUNCH_TOKENS'
GRACE_SECONDS = 2.0


def find_processes(token: str) -> list[int]:
    """Return the ids of the other processes that carry `token`; empty where there is no /proc."""
    found = []
    prefix = f'{TOKEN_VARIABLE}='.encode()
    try:
        pids = [int(name) for name in os.listdir('/proc') if name.isdigit()]
    except OSError:
        return []
    for pid in pids:
        if pid == os.getpid():
            continue
        try:
            with open(f'/proc/{pid}/environ', 'rb') as environ:
                variables = environ.read().split(b'\0')
        except OSError:
            continue  # ended meanwhile, or another user's
        for variable in variables:
            if variable.startswith(prefix) and token.encode() in variable[len(prefix):].split(b':'):
                found.append(pid)
    return found


def _signal_all(pids: list[int], signal_number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal_number)


def end_processes(token: str) -> list[int]:
    """Send SIGTERM to all processes that carry `token`, then SIGKILL to the rest; return the ids found."""
    first = remaining = find_processes(token)
    if not first:
        return []
    _signal_all(remaining, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while remaining and time.monotonic() < deadline:
        time.sleep(0.05)
        remaining = find_processes(token)
    _signal_all(remaining, signal.SIGKILL)
    return first


if __name__ == '__main__':
    while os.read(0, 1):
        pass
    end_processes(sys.argv[1])
