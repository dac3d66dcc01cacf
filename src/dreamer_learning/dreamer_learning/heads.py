"""Heads on the model state: reward, continuation, critic, actor.

Shapes: ... leading dimensions, F features (deter and stoch), A action, K bins.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dreamer_learning.agent_config import AgentConfig, HeadConfig
from dreamer_learning.distributions import BoundedNormal, Categorical, TwoHot
from dreamer_learning.networks import MLP
from dreamer_learning.spaces import ActionSpec


class TwoHotHead(nn.Module):
    """A number predicted as symexp two-hot bins; the last layer starts at zero, so the first prediction is exactly 0."""

    def __init__(self, inputs: int, units: int, layers: int, bins: int) -> None:
        super().__init__()
        self.mlp = MLP(inputs, units, layers, bins, outscale=0.0)
        self.bins = bins
        self._twohot: TwoHot | None = None

    @property
    def twohot(self) -> TwoHot:
        device = next(self.parameters()).device
        if self._twohot is None or self._twohot.bins.device != device:
            self._twohot = TwoHot(self.bins, device)
        return self._twohot

    def forward(self, features: Tensor) -> Tensor:
        """Logits: (..., F) -> (..., K)."""
        return self.mlp(features)

    def predict(self, features: Tensor) -> Tensor:
        """Expected value: (..., F) -> (...)."""
        return self.twohot.mean(self.mlp(features))


class ContinueHead(nn.Module):
    """Probability that the episode goes on."""

    def __init__(self, inputs: int, units: int, layers: int) -> None:
        super().__init__()
        self.mlp = MLP(inputs, units, layers, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Logit: (..., F) -> (...)."""
        return self.mlp(features).squeeze(-1)

    def predict(self, features: Tensor) -> Tensor:
        """Probability: (..., F) -> (...)."""
        return torch.sigmoid(self(features))


class Actor(nn.Module):
    """Distribution over actions; one-hot vectors where actions are discrete."""

    def __init__(self, inputs: int, units: int, action: ActionSpec, config: HeadConfig) -> None:
        super().__init__()
        outputs = action.size if action.discrete else (action.size, action.size)  # mean and standard deviation
        self.mlp = MLP(inputs, units, config.actor_layers, outputs, config.actor_outscale)
        self.action, self.config = action, config

    def forward(self, features: Tensor) -> BoundedNormal | Categorical:
        """(..., F) -> distribution over (..., A)."""
        parameters = self.mlp(features)
        if self.action.discrete:
            return Categorical(parameters, self.config.actor_unimix)
        return BoundedNormal(parameters, self.config.actor_min_std, self.config.actor_max_std)


def feature_size(config: AgentConfig) -> int:
    """F = D + C*S."""
    return config.dynamics.deter + config.dynamics.stoch * config.dynamics.classes
