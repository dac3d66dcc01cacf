"""What an executable does first and last. Light: what it starts may take seconds to import."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

NOT_MADE = 3
"""Exit code of a node that an unexpected exception ended before it ran: starting it again hardly helps."""


def start(module: str) -> NoReturn:
    """Import a module, run its `main` and end the process with the exit code that it returns.

    SIGINT and SIGTERM end the process at once and quietly with exit code 0, until `main` handles them itself: before that
    there is nothing to save. A module that cannot be imported ends it with exit code NOT_MADE, or 1 for an
    OSError.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    try:
        main = importlib.import_module(module).main
    except Exception as error:
        traceback.print_exc()
        # A disk that is away may come back.
        os._exit(1 if isinstance(error, OSError) else NOT_MADE)
    code: int = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except ValueError:
            pass  # closed
        except OSError as error:
            # Lost on a full disk; where it is a pipe or a terminal, whoever read it is gone.
            code = code or int(error.errno in (errno.ENOSPC, errno.EDQUOT))
    # Not through the end of the interpreter: there the middleware's remaining threads meet what C++ has taken apart, which
    # can crash or hang a process that has done all it had to, and PyTorch's objects take a second to collect.
    os._exit(code)


def _end(signum: int, frame: FrameType | None) -> None:
    # Not SystemExit: code that is being imported may catch what it likes.
    os._exit(0)
