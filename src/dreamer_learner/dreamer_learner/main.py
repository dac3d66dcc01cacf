"""The executables `learner` and `evaluator`."""

from dreamer_node.start import start


def main() -> int:
    """Run the node `learner`; returns the exit code."""
    return start('dreamer_learner.node')


def evaluator() -> int:
    """Run the node `evaluator`; returns the exit code."""
    return start('dreamer_learner.evaluator')
