"""Distributions of latents, rewards, values and actions.

Shapes: ... leading dimensions, S latent variables, C classes, K bins, A actions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from dreamer_learning.networks import symexp, symlog

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


def mix_uniform(logits: Tensor, unimix: float) -> Tensor:
    """Class probabilities with a uniform share: (1 - unimix) softmax(logits) + unimix / C. (..., C, S) -> (..., C, S).

    Classes come before variables in memory: a softmax over few neighbouring numbers is twenty times slower on a CPU.
    """
    return torch.add(unimix / logits.shape[-2], torch.softmax(logits, -2), alpha=1 - unimix)


def sample_one_hot(probs: Tensor, uniform: Tensor) -> Tensor:
    """One class of each variable by the inverse of the cumulative distribution, as one-hot vectors.

    The class is the first whose cumulative probability exceeds the uniform number; the last takes what rounding leaves.

    Args:
        probs: (..., C, S).
        uniform: (..., 1, S) in [0, 1).
    """
    cumulative = torch.cumsum(probs, -2)
    reached = torch.gt(cumulative, uniform, out=torch.empty_like(probs))  # 0 .. 0 1 .. 1
    reached[..., -1, :] = 1.0
    result = reached.clone()
    result[..., 1:, :].sub_(reached[..., :-1, :])
    return result


def one_hot(index: Tensor, classes: int) -> Tensor:
    """(...) int64 -> (..., C) float32."""
    result = torch.zeros(*index.shape, classes, device=index.device)
    return result.scatter_(-1, index.unsqueeze(-1), 1.0)


def straight_through(sample: Tensor, probs: Tensor) -> Tensor:
    """The sample in the forward pass, the gradient of the probabilities in the backward pass (Bengio et al. 2013)."""
    return sample + (probs - probs.detach())


def categorical_kl(probs: Tensor, other: Tensor) -> Tensor:
    """KL(probs || other) of S independent categoricals: (..., C, S) twice -> (...), nats."""
    return (probs * (torch.log(probs) - torch.log(other))).sum((-2, -1))


class TwoHot:
    """Symexp two-hot regression: K bins at symexp(linspace(-20, 20)), a value is two neighbouring bins' weights.

    DreamerV3, section "Critic learning". The mean adds up mirrored bins in pairs, so that it is exactly 0 for equal
    probabilities although the outer bins are +-5e8.
    """

    def __init__(self, bins: int, device: torch.device | str = 'cpu') -> None:
        half = symexp(torch.linspace(-20, 0, (bins - 1) // 2 + 1, dtype=torch.float64))
        self.bins = torch.cat([half, -half[:-1].flip(0)]).float().to(device)  # (K), increasing, odd-symmetric
        self.middle = (bins - 1) // 2
        self._positive = self.bins[self.middle + 1:]

    def mean(self, logits: Tensor) -> Tensor:
        """Expected value: (..., K) -> (...)."""
        probs = torch.softmax(logits, -1)
        difference = probs[..., self.middle + 1:] - probs[..., :self.middle].flip(-1)
        return torch.mv(difference.flatten(0, -2), self._positive).view(logits.shape[:-1])

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Cross entropy to the two-hot targets, summed over targets: logits (..., K), target (..., N) -> (...)."""
        target = target.detach()
        below, weight = self.encode(target)
        above = torch.clamp(below + 1, max=len(self.bins) - 1)
        chosen = torch.gather(logits, -1, torch.cat([below, above], -1))
        weights = torch.cat([1 - weight, weight], -1)
        return target.shape[-1] * torch.logsumexp(logits, -1) - (chosen * weights).sum(-1)

    def encode(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Index of the bin at or below each target, and the weight of the bin above: (...) -> int64 (...), (...)."""
        below = torch.searchsorted(self.bins, target.contiguous(), right=True).sub_(1).clamp_(0, len(self.bins) - 2)
        low, high = self.bins[below], self.bins[below + 1]
        return below, ((target - low) / (high - low)).clamp_(0, 1)


class BoundedNormal:
    """Normal with mean in (-1, 1) and standard deviation in (min_std, max_std), independent per action dimension.

    mean = tanh(m), std = (max_std - min_std) sigmoid(s + 2) + min_std. parameters: (..., 2A) holding m then s.
    """

    def __init__(self, parameters: Tensor, min_std: float, max_std: float) -> None:
        mean, std = parameters.chunk(2, -1)
        self.mean = torch.tanh(mean)
        self.std = (max_std - min_std) * torch.sigmoid(std + 2) + min_std
        self._bounds = (min_std, max_std)

    def sample(self, generator: torch.Generator | None = None, gradient: bool = False) -> Tensor:
        """(..., A), not clipped; with the gradient of mean and standard deviation if asked for."""
        sample = self.at(torch.empty_like(self.mean).normal_(generator=generator))
        return sample if gradient else sample.detach()

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


class Categorical:
    """One of A choices; actions are one-hot vectors (..., A)."""

    def __init__(self, logits: Tensor, unimix: float = 0.0) -> None:
        self._log_probs = torch.log_softmax(logits, -1)
        if unimix:
            self._log_probs = torch.log(mix_uniform(logits.unsqueeze(-1), unimix)).squeeze(-1)

    def sample(self, generator: torch.Generator | None = None, gradient: bool = False) -> Tensor:
        """(..., A) one-hot, without gradient."""
        shape, device = self._log_probs.shape, self._log_probs.device
        return self.at(torch.empty(*shape[:-1], 1, device=device).uniform_(generator=generator))

    def at(self, uniform: Tensor) -> Tensor:
        """The sample of uniform numbers (..., 1) in [0, 1), one-hot, without gradient."""
        probs = torch.exp(self._log_probs.detach())
        return sample_one_hot(probs.unsqueeze(-1), uniform.unsqueeze(-1)).squeeze(-1)

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


def symlog_mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Squared error to symlog(target), summed over the last dimension (no factor 1/2): (..., I) -> (...)."""
    return (prediction - symlog(target)).square().sum(-1)


def bernoulli_loss(logit: Tensor, target: Tensor) -> Tensor:
    """Cross entropy of a coin with a target probability in [0, 1]: (...) -> (...)."""
    return functional.binary_cross_entropy_with_logits(logit, target, reduction='none')
