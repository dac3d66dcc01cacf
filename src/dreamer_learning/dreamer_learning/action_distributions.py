"""Distributions of actions: four of continuous ones, one of choices.

All take a network's outputs and offer `at` (the sample that given noise makes), `through` (the same with gradient), `mode`,
`log_prob`, `entropy` of each dimension and where that lies between its bounds. Shapes: ... leading dimensions, A actions.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional

from dreamer_learning.distributions import HALF_LOG_TWO_PI, mix_uniform, one_hot, sample_one_hot, straight_through

NORMAL_ENTROPY = 0.5 + HALF_LOG_TWO_PI
"""Of a standard normal number, nats."""


class _Continuous:
    """Sampling with gradient, for all of them.

    Attributes:
        before_tanh: (..., A), what a tanh makes the means of.
    """

    before_tanh: Tensor

    def at(self, noise: Tensor) -> Tensor:
        """The sample of standard normal numbers (..., A)."""
        raise NotImplementedError

    def through(self, noise: Tensor) -> Tensor:
        """The same with the gradient of the distribution's parameters."""
        return self.at(noise)


class BoundedNormal(_Continuous):
    """Normal with mean in (-1, 1) and standard deviation in (min_std, max_std), independent per action dimension.

    mean = tanh(m), std = (max_std - min_std) sigmoid(s + 2) + min_std. parameters: (..., 2A) holding m then s.
    """

    SHIFT = 2.0

    def __init__(self, parameters: Tensor, min_std: float, max_std: float) -> None:
        mean, std = parameters.chunk(2, -1)
        self.before_tanh, self.mean = mean, torch.tanh(mean)
        self.std = (max_std - min_std) * torch.sigmoid(std + self.SHIFT) + min_std
        self._bounds = (min_std, max_std)

    def at(self, noise: Tensor) -> Tensor:
        """The sample of standard normal numbers (..., A)."""
        return torch.addcmul(self.mean, self.std, noise)

    def mode(self) -> Tensor:
        return self.mean

    def log_prob(self, action: Tensor) -> Tensor:
        """(..., A) -> (...)."""
        scaled = (action - self.mean) / self.std
        return (-0.5 * scaled.square() - torch.log(self.std) - HALF_LOG_TWO_PI).sum(-1)

    def entropy(self) -> Tensor:
        """Of each action dimension, (..., A), nats; their sum is that of the whole action."""
        return torch.log(self.std) + (0.5 + HALF_LOG_TWO_PI)

    def entropy_share(self, entropy: Tensor) -> Tensor:
        """Where each entropy lies between the smallest (0) and the largest (1) that the bounds allow: (..., A) -> (..., A)."""
        low, high = (math.log(std) + 0.5 + HALF_LOG_TWO_PI for std in self._bounds)
        return (entropy - low) / max(high - low, 1e-8)


class Normal(BoundedNormal):
    """The same with sigmoid(s): begins in the middle between the bounds. Source: DayDreamer's public code (`normal`)."""

    SHIFT = 0.0


class TanhNormal(_Continuous):
    """The tanh of a normal whose mean is 5 tanh(m / 5) and whose deviation is softplus(s + ln(e^5 - 1)) + min_std.

    Source: Dreamer V1's public code, with min_std 1e-4. parameters: (..., 2A) holding m then s; max_std is not used.
    """

    SHIFT = math.log(math.exp(5.0) - 1)
    LARGEST = 0.99999994
    MODE_SAMPLES = 100

    def __init__(self, parameters: Tensor, min_std: float, max_std: float = 0.0) -> None:
        mean, std = parameters.chunk(2, -1)
        self.before_tanh = self.mean = 5 * torch.tanh(mean / 5)
        self.std = functional.softplus(std + self.SHIFT) + min_std
        self._min_std = min_std

    def at(self, noise: Tensor) -> Tensor:
        return torch.tanh(torch.addcmul(self.mean, self.std, noise))

    def mode(self) -> Tensor:
        """The likeliest of 100 samples, as in V1; always of the same 100 draws, so that evaluation can be repeated."""
        noise = mode_noise(self.MODE_SAMPLES, self.mean.shape[-1]).to(self.mean)
        noise = noise.view(self.MODE_SAMPLES, *[1] * (self.mean.dim() - 1), -1)
        # Before the tanh: close to 1, the last bit of an action would decide which is likeliest.
        limit = math.atanh(self.LARGEST)
        samples = torch.addcmul(self.mean, self.std, noise).clamp(-limit, limit)  # (100, ..., A)
        best = self._log_density(samples).argmax(0, keepdim=True).unsqueeze(-1)
        return torch.tanh(torch.gather(samples, 0, best.expand(1, *self.mean.shape)).squeeze(0))

    def log_prob(self, action: Tensor) -> Tensor:
        """(..., A) -> (...)."""
        return self._log_density(torch.atanh(action.clamp(-self.LARGEST, self.LARGEST)))

    def _log_density(self, x: Tensor) -> Tensor:
        """Of the action tanh(x): (..., A) -> (...)."""
        scaled = (x - self.mean) / self.std
        density = -0.5 * scaled.square() - torch.log(self.std) - HALF_LOG_TWO_PI
        return (density - 2 * (math.log(2) - x - functional.softplus(-2 * x))).sum(-1)

    def entropy(self) -> Tensor:
        """Of the normal before the tanh, (..., A), nats: V1 has no entropy bonus."""
        return torch.log(self.std) + NORMAL_ENTROPY

    def entropy_share(self, entropy: Tensor) -> Tensor:
        """Relative to a deviation of 1, which no tanh can spread further: (..., A) -> (..., A)."""
        low = math.log(self._min_std) + NORMAL_ENTROPY
        return ((entropy - low) / (NORMAL_ENTROPY - low)).clamp(0, 1)


@functools.cache
def mode_noise(samples: int, size: int) -> Tensor:
    """Standard normal numbers (samples, size), always the same."""
    return torch.randn(samples, size, generator=torch.Generator().manual_seed(0))


class TruncatedNormal(_Continuous):
    """A normal cut at -1 and 1: mean tanh(m), deviation 2 sigmoid(s / 2) + min_std, both before the cut.

    Source: DreamerV2's public code (`trunc_normal`). parameters: (..., 2A) holding m then s.
    """

    EDGE = 1 - 1e-6

    def __init__(self, parameters: Tensor, min_std: float, max_std: float = 0.0) -> None:
        mean, std = parameters.chunk(2, -1)
        self.before_tanh, self.mean = mean, torch.tanh(mean)
        self.std = 2 * torch.sigmoid(std / 2) + min_std
        self._min_std = min_std
        self._low, self._high = (-1 - self.mean) / self.std, (1 - self.mean) / self.std
        self._below = torch.special.ndtr(self._low)
        self._mass = torch.special.ndtr(self._high) - self._below

    def at(self, noise: Tensor) -> Tensor:
        """Through the inverse of the cumulative distribution; clipped just inside [-1, 1] with the gradient passed on."""
        share = torch.special.ndtr(noise).clamp(1e-6, self.EDGE)
        sample = torch.addcmul(self.mean, self.std, torch.special.ndtri(self._below + share * self._mass))
        return sample + (sample.clamp(-self.EDGE, self.EDGE) - sample).detach()

    def mode(self) -> Tensor:
        return self.mean

    def log_prob(self, action: Tensor) -> Tensor:
        """(..., A) in [-1, 1] -> (...)."""
        scaled = (action - self.mean) / self.std
        return (-0.5 * scaled.square() - torch.log(self.std * self._mass) - HALF_LOG_TWO_PI).sum(-1)

    def entropy(self) -> Tensor:
        """(..., A), nats."""
        low, high = (x * torch.exp(-0.5 * x.square() - HALF_LOG_TWO_PI) for x in (self._low, self._high))
        return torch.log(self.std * self._mass) + NORMAL_ENTROPY + (low - high) / (2 * self._mass)

    def entropy_share(self, entropy: Tensor) -> Tensor:
        """Where each entropy lies between that of a normal of the least deviation (0) and that of equal chances (1)."""
        low, high = math.log(self._min_std) + NORMAL_ENTROPY, math.log(2)
        return (entropy - low) / (high - low)


class Categorical:
    """One of A choices; actions are one-hot vectors (..., A)."""

    def __init__(self, logits: Tensor, unimix: float = 0.0) -> None:
        self._log_probs = torch.log_softmax(logits, -1)
        if unimix:
            self._log_probs = torch.log(mix_uniform(logits.unsqueeze(-1), unimix)).squeeze(-1)

    def at(self, uniform: Tensor) -> Tensor:
        """The sample of uniform numbers (..., 1) in [0, 1), one-hot, without gradient."""
        probs = torch.exp(self._log_probs.detach())
        return sample_one_hot(probs.unsqueeze(-1), uniform.unsqueeze(-1)).squeeze(-1)

    def through(self, uniform: Tensor) -> Tensor:
        """The same with the gradient of the probabilities (straight-through)."""
        return straight_through(self.at(uniform), torch.exp(self._log_probs))

    def mode(self) -> Tensor:
        return one_hot(torch.argmax(self._log_probs, -1), self._log_probs.shape[-1])

    def log_prob(self, action: Tensor) -> Tensor:
        """(..., A) -> (...)."""
        return (self._log_probs * action).sum(-1)

    def entropy(self) -> Tensor:
        """Of the one choice, (..., 1), nats."""
        return -(torch.exp(self._log_probs) * self._log_probs).sum(-1, keepdim=True)

    def entropy_share(self, entropy: Tensor) -> Tensor:
        """Where an entropy lies between none (0) and that of equal chances (1): (..., 1) -> (..., 1)."""
        return entropy / math.log(self._log_probs.shape[-1])
