"""The executable `mujoco_bridge`."""

from dreamer_node.start import start


def main() -> int:
    """Run the node; returns the exit code."""
    return start('dreamer_mujoco.node')
