"""The policies that a learner goes on improving: networks in PyTorch, parameters from policy_weights."""

from __future__ import annotations

from pathlib import Path

import torch
from rclpy.node import Node

from dreamer_actor.mailbox import Announcement, Loaded, WeightMailbox
from dreamer_actor.policies import Wanted
from dreamer_interfaces.msg import PolicyWeights
from dreamer_learning import weights
from dreamer_learning.config import ConfigError
from dreamer_learning.devices import check_device
from dreamer_learning.policy import Policy
from dreamer_node.agent import assigned_agent
from dreamer_node.qos import LATCHED


class LearnedPolicies:
    """Two policies that take turns: one acts, the other takes new weights."""

    def __init__(self, node: Node, folder: Path, wanted: Wanted) -> None:
        """Raises ConfigError where a parameter is not allowed."""
        if wanted.policy_file:
            raise ConfigError(f"parameter policy_file: '{wanted.policy_file}' is not allowed with runtime torch, which takes "
                              "weights from a learner; allowed: ''")
        self._node = node
        config, task = assigned_agent(node, folder), wanted.task
        device = check_device(wanted.device)
        # One thread: the networks of a policy step are too small to share, and a second one would wait for the learner.
        torch.set_num_threads(1)
        self.policies = (Policy(config, task, device, wanted.seed), Policy(config, task, device, wanted.seed))
        # Only one of them acts at a time: one sequence of random numbers, whenever weights change.
        self.policies[1].generator = self.policies[0].generator
        self.description = f'{" ".join(config.names().values())}, config hash {config.hash(task)}'
        self._mailbox = WeightMailbox(self.policies, config.agent, config.hash(task), weights.parse, wanted.refuse)
        node.create_subscription(PolicyWeights, 'policy_weights', self._on_weights, LATCHED)

    def take(self) -> Loaded[Policy] | None:
        """The policy with the newest weights, once."""
        return self._mailbox.take()

    def give_back(self, policy: Policy) -> None:
        """The policy that acted before."""
        self._mailbox.give_back(policy)

    def every_second(self) -> None:
        """A learner that is gone may come back with a clock behind ours; one that is there only counts up."""
        if self._node.count_publishers('policy_weights') == 0:
            self._mailbox.forget_version()

    def close(self) -> None:
        """End the thread that reads weights."""
        self._mailbox.close()

    def _on_weights(self, message: PolicyWeights) -> None:
        self._mailbox.offer(
            Announcement(
                version=message.version,
                agent=message.agent,
                config_hash=message.config_hash,
                updates=message.updates,
                env_steps=message.env_steps,
                data=message.data,
            )
        )
