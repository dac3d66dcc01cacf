"""Ctrl-C and SIGTERM, also where Python loses the exception that a signal's handler raises: in a callback that C++ calls, or
while an object is deleted."""

from __future__ import annotations

import signal
from types import FrameType

_pending: BaseException | None = None


class Terminated(Exception):
    """SIGTERM arrived."""


def watch() -> None:
    """Raise KeyboardInterrupt or Terminated at a signal."""
    global _pending
    _pending = None
    signal.signal(signal.SIGTERM, _on_signal)
    # A shell starts background jobs with SIGINT ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_signal)


def check() -> None:
    """Raise what a signal has asked for; to be called between two callbacks."""
    if _pending is not None:
        raise _pending


def _on_signal(number: int, _frame: FrameType | None) -> None:
    global _pending
    _pending = KeyboardInterrupt() if number == signal.SIGINT else Terminated()
    raise _pending
