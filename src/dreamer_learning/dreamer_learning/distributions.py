"""Distributions of latents, rewards and values, and losses that are log-likelihoods.

Shapes: ... leading dimensions, S latent variables, C classes, K bins, I outputs.
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
        self.size = bins
        half = symexp(torch.linspace(-20, 0, (bins - 1) // 2 + 1, dtype=torch.float64))
        self.bins = torch.cat([half, -half[:-1].flip(0)]).float().to(device)  # (K), increasing, odd-symmetric
        self.middle = (bins - 1) // 2
        self._positive = self.bins[self.middle + 1:]

    def mean(self, logits: Tensor) -> Tensor:
        """Expected value: (..., K) -> (...)."""
        probs = torch.softmax(logits, -1)
        difference = probs[..., self.middle + 1:] - probs[..., :self.middle].flip(-1)
        with torch.autocast(logits.device.type, enabled=False):  # CUDA would take a product in half precision
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


def symlog_mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Squared error to symlog(target), summed over the last dimension (no factor 1/2): (..., I) -> (...)."""
    return (prediction - symlog(target)).square().sum(-1)


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Summed over the last dimension (no factor 1/2): (..., I) -> (...)."""
    return (prediction - target).square().sum(-1)


def normal_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """-log N(target; prediction, 1), summed over the last dimension: (..., I) -> (...)."""
    return 0.5 * squared_error(prediction, target) + target.shape[-1] * HALF_LOG_TWO_PI


def bernoulli_loss(logit: Tensor, target: Tensor) -> Tensor:
    """Cross entropy of a coin with a target probability in [0, 1]: (...) -> (...)."""
    return functional.binary_cross_entropy_with_logits(logit, target, reduction='none')
