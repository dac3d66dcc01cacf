"""Heads on the model state: reward, continuation, critic, actor.

Shapes: ... leading dimensions, F features (deter and stoch), A action, K outputs (bins, or 1), N targets.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from dreamer_learning.action_distributions import BoundedNormal, Categorical, Normal, TanhNormal, TruncatedNormal
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.distributions import HALF_LOG_TWO_PI, TwoHot
from dreamer_learning.model_config import HeadConfig, NetworkConfig
from dreamer_learning.networks import MLP, symexp, symlog
from dreamer_learning.spaces import ActionSpec

ActionDistribution = BoundedNormal | TanhNormal | TruncatedNormal | Categorical
CONTINUOUS: dict[str, type[BoundedNormal] | type[TanhNormal] | type[TruncatedNormal]] = {
    'bounded': BoundedNormal, 'normal': Normal, 'tanh_normal': TanhNormal, 'truncated': TruncatedNormal}


class ScalarOutput(Protocol):
    """How K numbers of a network predict one number."""

    size: int

    def mean(self, parameters: Tensor) -> Tensor:
        """(..., K) -> (...)."""

    def loss(self, parameters: Tensor, target: Tensor) -> Tensor:
        """Summed over targets, which get no gradient: parameters (..., K), target (..., N) -> (...)."""


class NormalOutput:
    """-log N(target; x, 1)."""

    size = 1

    def mean(self, parameters: Tensor) -> Tensor:
        return parameters.squeeze(-1)

    def loss(self, parameters: Tensor, target: Tensor) -> Tensor:
        return (0.5 * (parameters - target.detach()).square() + HALF_LOG_TWO_PI).sum(-1)


class SymlogOutput:
    """Squared error in symlog space, no factor 1/2 (DayDreamer)."""

    size = 1

    def mean(self, parameters: Tensor) -> Tensor:
        return symexp(parameters).squeeze(-1)

    def loss(self, parameters: Tensor, target: Tensor) -> Tensor:
        return (parameters - symlog(target.detach())).square().sum(-1)


class ScalarHead(nn.Module):
    """A number for each state: reward or value.

    Args:
        kind: see HeadConfig; a two-hot head whose last layer starts at zero predicts exactly 0 at first.
    """

    def __init__(self, inputs: int, layers: int, kind: str, networks: NetworkConfig, heads: HeadConfig) -> None:
        super().__init__()
        self.kind, self.bins = kind, heads.bins
        size = heads.bins if kind == 'twohot' else 1
        # A number has 8 bits in half precision, too few for a value of 100; of bins only the differences matter.
        self.mlp = MLP(inputs, networks.units, layers, size, heads.outscale, networks.style, wide_output=kind != 'twohot')
        self._output: ScalarOutput | None = None

    @property
    def output(self) -> ScalarOutput:
        device = next(self.parameters()).device
        known = self._output
        if known is None or (isinstance(known, TwoHot) and known.bins.device != device):
            known = self._output = self._make(device)
        return known

    def _make(self, device: torch.device) -> ScalarOutput:
        if self.kind == 'twohot':
            return TwoHot(self.bins, device)
        return SymlogOutput() if self.kind == 'symlog' else NormalOutput()

    def forward(self, features: Tensor) -> Tensor:
        """Parameters of the prediction: (..., F) -> (..., K)."""
        return self.mlp(features)

    def predict(self, features: Tensor) -> Tensor:
        """Expected value: (..., F) -> (...)."""
        return self.output.mean(self.mlp(features))


class ContinueHead(nn.Module):
    """Probability that the episode goes on."""

    def __init__(self, inputs: int, networks: NetworkConfig, heads: HeadConfig) -> None:
        super().__init__()
        self.mlp = MLP(inputs, networks.units, heads.continue_layers, 1, heads.continue_outscale, networks.style)

    def forward(self, features: Tensor) -> Tensor:
        """Logit: (..., F) -> (...)."""
        return self.mlp(features).squeeze(-1)

    def predict(self, features: Tensor) -> Tensor:
        """Probability: (..., F) -> (...)."""
        return torch.sigmoid(self(features))


class Actor(nn.Module):
    """Distribution over actions; one-hot vectors where actions are discrete."""

    def __init__(self, inputs: int, action: ActionSpec, networks: NetworkConfig, heads: HeadConfig) -> None:
        super().__init__()
        outputs = action.size if action.discrete else (action.size, action.size)  # mean and standard deviation
        scale = heads.actor_outscale
        # DayDreamer's code scales the layer of the mean alone.
        scales = (scale, 1.0) if heads.actor == 'normal' and not action.discrete else scale
        self.mlp = MLP(inputs, networks.units, heads.actor_layers, outputs, scales, networks.style)
        self.action, self.config = action, heads

    def forward(self, features: Tensor) -> ActionDistribution:
        """(..., F) -> distribution over (..., A)."""
        parameters = self.mlp(features)
        if self.action.discrete:
            return Categorical(parameters, self.config.actor_unimix)
        return CONTINUOUS[self.config.actor](parameters, self.config.actor_min_std, self.config.actor_max_std)

    def noise(self, *leading: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
        """Random numbers for `act`: standard normal (..., A), uniform (..., 1) where actions are discrete."""
        if self.action.discrete:
            return torch.empty(*leading, 1, device=device).uniform_(generator=generator)
        return torch.empty(*leading, self.action.size, device=device).normal_(generator=generator)

    def act(self, features: Tensor, noise: Tensor) -> Tensor:
        """A sample, with gradient to the actor where gradients are enabled: (..., F) -> (..., A)."""
        policy = self(features.detach())
        return policy.through(noise) if torch.is_grad_enabled() else policy.at(noise)


def feature_size(config: AgentConfig) -> int:
    """F = D + C*S."""
    return config.dynamics.deter + config.dynamics.stoch_size
