"""Where the actor's policy comes from: the learner, through policy_weights (learned.py), or a file (finished.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rclpy.node import Node

from dreamer_actor.mailbox import Loaded
from dreamer_learning.acting import RecurrentPolicy
from dreamer_learning.spaces import Task
from dreamer_node.refusals import Refused


class Wanted(NamedTuple):
    """What a source of policies is to make.

    Attributes:
        runtime, policy_file, device: the actor's parameters.
        seed: of sampled actions.
        refuse: called with what cannot be used.
    """

    runtime: str
    policy_file: str
    device: str
    seed: int
    task: Task
    refuse: Callable[[Refused], None]


class PolicySource(Protocol):
    """Brings policies, ready to act.

    Attributes:
        description: for the actor's first line.
    """

    description: str

    @property
    def policies(self) -> Sequence[RecurrentPolicy]:
        """All that will ever act."""

    def take(self) -> Loaded[Any] | None:
        """A policy that is new, once; looked at before every action."""

    def give_back(self, policy: Any) -> None:
        """A policy that no longer acts."""

    def every_second(self) -> None:
        """Housekeeping."""

    def close(self) -> None:
        """End what runs beside the control loop."""


def make_source(node: Node, folder: Path, wanted: Wanted) -> PolicySource:
    """The source that the parameter `runtime` names, with its subscriptions.

    Args:
        folder: that of the configuration.

    Raises:
        ConfigError: a parameter that is not allowed, or a file that cannot be used.
    """
    # Imported on demand: only one of the two needs torch.
    if wanted.runtime == 'onnx':
        from dreamer_actor.finished import FinishedPolicy

        return FinishedPolicy(wanted)
    from dreamer_actor.learned import LearnedPolicies

    return LearnedPolicies(node, folder, wanted)
