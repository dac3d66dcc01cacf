"""The executable `sensing`."""

from dreamer_node.start import start


def main() -> int:
    """Run the node; returns the exit code."""
    return start('dreamer_sensing.node')
