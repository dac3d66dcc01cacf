"""The executables `recorder` and `info`."""

from typing import NoReturn

from dreamer_node.start import start


def main() -> NoReturn:
    """Run the node; ends the process with its exit code."""
    start('dreamer_recorder.node')


def info() -> NoReturn:
    """Describe what was recorded; ends the process with its exit code."""
    start('dreamer_recorder.info')
