"""The policy of a file, run by onnxruntime: nothing changes it. Does not import torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dreamer_actor.mailbox import Loaded
from dreamer_actor.policies import Wanted
from dreamer_learning.config import ConfigError
from dreamer_learning.onnx_policy import OnnxPolicy


class FinishedPolicy:
    """Brings one policy, at once."""

    def __init__(self, wanted: Wanted) -> None:
        """Raises ConfigError where the file cannot be used, or is for another task."""
        if not wanted.policy_file:
            raise ConfigError("parameter policy_file: '' is not allowed with runtime onnx; a file that "
                              'ros2 run dreamer_learner export wrote')
        if wanted.device != 'cpu':
            raise ConfigError(f"parameter device: '{wanted.device}' is not allowed with runtime onnx; allowed: cpu")
        policy = OnnxPolicy(Path(wanted.policy_file).expanduser(), wanted.seed)
        policy.check(wanted.task)
        file = policy.file
        self.policies = (policy,)
        self.description = f'{file.agent} {file.size} of {file.updates:,} updates, {policy.path.name}'
        self._loaded: Loaded[OnnxPolicy] | None = Loaded(policy, file.weights_version, file.updates, file.env_steps)

    def take(self) -> Loaded[OnnxPolicy] | None:
        """The policy, the first time."""
        loaded, self._loaded = self._loaded, None
        return loaded

    def give_back(self, policy: Any) -> None:
        """There is no other one."""

    def every_second(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""
