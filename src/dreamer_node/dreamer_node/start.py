"""What an executable does first. Light: what it starts may take seconds to import."""

from __future__ import annotations

import importlib
import os
import signal
from types import FrameType


def start(module: str) -> int:
    """Import a module and run its `main`; returns the exit code.

    SIGINT and SIGTERM end the process at once and quietly with exit code 0, until `main` handles them itself: before that
    there is nothing to save.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    code: int = importlib.import_module(module).main()
    return code


def _end(signum: int, frame: FrameType | None) -> None:
    # Not SystemExit: code that is being imported may catch what it likes.
    os._exit(0)
