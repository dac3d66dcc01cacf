"""The executable. A signal while the node is still being imported ends it quietly."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> int:
    """Run the node; returns the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    from robot_state_publisher import node

    return node.main()


def _end(signum: int, frame: FrameType | None) -> None:
    # Not SystemExit: code that is being imported may catch what it likes.
    os._exit(0)


if __name__ == '__main__':
    sys.exit(main())
