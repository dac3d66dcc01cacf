"""The executable `sensing`."""

from typing import NoReturn

from dreamer_node.start import start


def main() -> NoReturn:
    """Run the node; ends the process with its exit code."""
    start('dreamer_sensing.node')
