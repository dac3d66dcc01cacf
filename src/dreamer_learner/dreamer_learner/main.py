"""The executables `learner`, `evaluator`, `train_offline` and `export`."""

from dreamer_node.start import start


def main() -> int:
    """Run the node `learner`; returns the exit code."""
    return start('dreamer_learner.node')


def evaluator() -> int:
    """Run the node `evaluator`; returns the exit code."""
    return start('dreamer_learner.evaluator')


def train_offline() -> int:
    """Run `train_offline`; returns the exit code."""
    return start('dreamer_learner.train_offline')


def export() -> int:
    """Run `export`; returns the exit code."""
    return start('dreamer_learner.export')
