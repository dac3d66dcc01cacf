"""The executable. A signal while the node is still being imported ends it quietly."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn


def main() -> NoReturn:
    """Run the node; ends the process with its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    from robot_state_publisher import node

    code = node.main()
    sys.stderr.flush()
    # Not through the end of the interpreter: there the middleware's remaining threads meet what C++ has taken apart.
    os._exit(code)


def _end(signum: int, frame: FrameType | None) -> None:
    # Not SystemExit: code that is being imported may catch what it likes.
    os._exit(0)


if __name__ == '__main__':
    main()
