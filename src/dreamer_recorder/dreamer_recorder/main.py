"""The executables `recorder` and `info`."""

from dreamer_node.start import start


def main() -> int:
    """Run the node; returns the exit code."""
    return start('dreamer_recorder.node')


def info() -> int:
    """Describe what was recorded; returns the exit code."""
    return start('dreamer_recorder.info')
