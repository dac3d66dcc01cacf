"""The executables `learner`, `evaluator`, `train_offline` and `export`."""

from typing import NoReturn

from dreamer_node.start import start


def main() -> NoReturn:
    """Run the node `learner`; ends the process with its exit code."""
    start('dreamer_learner.node')


def evaluator() -> NoReturn:
    """Run the node `evaluator`; ends the process with its exit code."""
    start('dreamer_learner.evaluator')


def train_offline() -> NoReturn:
    """Run `train_offline`; ends the process with its exit code."""
    start('dreamer_learner.train_offline')


def export() -> NoReturn:
    """Run `export`; ends the process with its exit code."""
    start('dreamer_learner.export')
