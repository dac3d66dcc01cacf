"""The stochastic part of the state: categorical or Gaussian variables, from the numbers a network puts out.

Both kinds offer the same: `statistics` (the parameters of the distribution, one tensor), samples with and without gradient,
mode, KL and entropy. Noise is drawn apart from sampling, so that two implementations can be given the same.

Shapes: ... leading dimensions, S variables, C classes.

| kind | raw network output | statistics | noise | flat sample |
|---|---|---|---|---|
| categorical | (..., C*S) logits | (..., C, S) probabilities | (..., 1, S) uniform | (..., C*S) one-hot |
| gaussian | (..., 2*S) | (..., 2, S) mean, standard deviation | (..., 1, S) normal | (..., S) |
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dreamer_learning.distributions import HALF_LOG_TWO_PI, categorical_kl, mix_uniform, sample_one_hot, straight_through
from dreamer_learning.model_config import DynamicsConfig

LEAST = 1e-30
"""Probability: a KL to 0 is not finite."""


class CategoricalLatent:
    """S variables of C classes, with a uniform share `unimix`. DreamerV2, section 2.1; DreamerV3 for the uniform share."""

    def __init__(self, config: DynamicsConfig) -> None:
        self.variables, self.classes, self._unimix = config.stoch, config.classes, config.unimix
        self.size = self.outputs = config.stoch * config.classes

    def statistics(self, raw: Tensor) -> Tensor:
        probs = mix_uniform(raw.unflatten(-1, (self.classes, self.variables)), self._unimix)
        return probs if self._unimix else probs.clamp(min=LEAST)

    def noise(self, *leading: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
        return torch.empty(*leading, 1, self.variables, device=device).uniform_(generator=generator)

    def sample(self, statistics: Tensor, noise: Tensor) -> Tensor:
        """Without gradient."""
        return sample_one_hot(statistics, noise).flatten(-2)

    def sample_through(self, statistics: Tensor, noise: Tensor) -> Tensor:
        """The same sample with the gradient of the probabilities."""
        return straight_through(self.sample(statistics.detach(), noise), statistics.flatten(-2))

    def mode(self, statistics: Tensor) -> Tensor:
        """Flat, without gradient."""
        return functional.one_hot(statistics.argmax(-2), self.classes).transpose(-1, -2).float().flatten(-2)

    def kl(self, statistics: Tensor, other: Tensor) -> Tensor:
        """KL(statistics || other), summed over variables: (...), nats."""
        return categorical_kl(statistics, other)

    def entropy(self, statistics: Tensor) -> Tensor:
        """Summed over variables: (...), nats."""
        return -(statistics * torch.log(statistics.clamp(min=LEAST))).sum((-2, -1))


class GaussianLatent:
    """S independent normal variables; deviation softplus(x) + least (PlaNet, V1) or 2 sigmoid(x / 2) + least (V2's code)."""

    def __init__(self, config: DynamicsConfig) -> None:
        self.variables, self._std, self._least = config.stoch, config.std, config.min_std
        self.size, self.outputs = config.stoch, 2 * config.stoch

    def statistics(self, raw: Tensor) -> Tensor:
        mean, std = raw.unflatten(-1, (2, self.variables)).unbind(-2)
        std = functional.softplus(std) if self._std == 'softplus' else 2 * torch.sigmoid(std / 2)
        return torch.stack([mean, std + self._least], -2)

    def noise(self, *leading: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
        return torch.empty(*leading, 1, self.variables, device=device).normal_(generator=generator)

    def sample(self, statistics: Tensor, noise: Tensor) -> Tensor:
        """Without gradient."""
        return self.sample_through(statistics.detach(), noise)

    def sample_through(self, statistics: Tensor, noise: Tensor) -> Tensor:
        """The same sample with the gradient of mean and deviation."""
        mean, std = statistics.unbind(-2)
        return torch.addcmul(mean, std, noise.squeeze(-2))

    def mode(self, statistics: Tensor) -> Tensor:
        return statistics[..., 0, :]

    def kl(self, statistics: Tensor, other: Tensor) -> Tensor:
        """KL(statistics || other), summed over variables: (...), nats."""
        (mean, std), (other_mean, other_std) = statistics.unbind(-2), other.unbind(-2)
        ratio = (std / other_std).square()
        distance = ((mean - other_mean) / other_std).square()
        return 0.5 * (ratio + distance - 1 - torch.log(ratio)).sum(-1)

    def entropy(self, statistics: Tensor) -> Tensor:
        """Summed over variables: (...), nats."""
        return (torch.log(statistics[..., 1, :]) + (0.5 + HALF_LOG_TWO_PI)).sum(-1)


Latent = CategoricalLatent | GaussianLatent


def make_latent(config: DynamicsConfig) -> Latent:
    """The kind that the configuration names."""
    return CategoricalLatent(config) if config.latent == 'categorical' else GaussianLatent(config)


