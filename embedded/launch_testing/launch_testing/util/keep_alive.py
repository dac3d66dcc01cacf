"""A process that keeps a launch from being idle."""

import sys

from launch.actions import ExecuteProcess

_UNTIL_INTERRUPTED = '''
import signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit())
while True:
    signal.pause()
'''


class KeepAliveProc(ExecuteProcess):
    """A process that does nothing until shutdown, for tests whose own processes end by themselves."""

    def __init__(self) -> None:
        super().__init__(cmd=[sys.executable, '-S', '-c', _UNTIL_INTERRUPTED])
