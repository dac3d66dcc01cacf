"""Running averages for the behaviour's losses: scales of returns and advantages, the level of values, the entropy's scale.

Each is a module whose buffers belong to the agent's state. What is not finite never changes one. Where several processes train
(parallel.py), each takes in the values of all.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dreamer_learning import parallel


class ReturnNormaliser(nn.Module):
    """Moving percentiles of returns: scale = max(limit, high - low).

    DreamerV3, equation 7. The averages start at zero and are not bias-corrected, so the scale is `limit` early on.
    """

    range: Tensor
    quantiles: Tensor

    def __init__(self, rate: float, limit: float, low: float, high: float) -> None:
        super().__init__()
        self.rate, self.limit = rate, limit
        self.register_buffer('quantiles', torch.tensor([low / 100, high / 100]), persistent=False)
        self.register_buffer('range', torch.zeros(2))  # low, high

    def update(self, returns: Tensor) -> Tensor:
        """Take in returns of any shape, give back the scale, a scalar tensor."""
        new = torch.quantile(parallel.gather(returns), self.quantiles)
        self.range.lerp_(torch.where(torch.isfinite(new).all(), new, self.range), self.rate)
        return self.scale()

    def scale(self) -> Tensor:
        return (self.range[1] - self.range[0]).clamp(min=self.limit)


class AdvantageNormaliser(nn.Module):
    """(advantage - mean) / standard deviation, both moving averages over updates, corrected for their start at zero.

    Source: DayDreamer's and DreamerV3's public code, `advnorm` with `mean_std`.
    """

    LEAST_STD = 1e-8

    moments: Tensor

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.register_buffer('moments', torch.zeros(3))  # of the advantage, of its square, of 1

    def forward(self, advantage: Tensor) -> Tensor:
        """Take in advantages of any shape, give them back normalised, with their gradient if they have one."""
        seen = advantage.detach()
        new = parallel.mean(torch.stack([seen.mean(), seen.square().mean(), torch.ones((), device=seen.device)]))
        self.moments.lerp_(torch.where(torch.isfinite(new).all(), new, self.moments), self.rate)
        mean, square = self.moments[:2] / self.moments[2].clamp(min=self.rate)
        return (advantage - mean) / (square - mean.square()).clamp(min=self.LEAST_STD**2).sqrt()


class ValueCentre(nn.Module):
    """The value of earning the average reward for ever. The critic learns what a return is above or below it.

    A robot that earns 5 in every step has values around 500 at a discount horizon of 100. There the critic's bins are 80
    apart, while one action changes the return by less than 1: the level of all values hides their differences. Taking the
    level apart, as reward centering does (Naik et al. 2024), changes no return and no preference between actions.

    Args:
        rate: of the moving average of imagined rewards, which starts at 0; a rate of 0 keeps it there.
        horizon: discount horizon, steps.
    """

    reward: Tensor

    def __init__(self, rate: float, horizon: float) -> None:
        super().__init__()
        self.rate, self.horizon = rate, horizon
        self.register_buffer('reward', torch.zeros(()))

    def update(self, reward: Tensor) -> None:
        """Take in rewards of any shape."""
        new = parallel.mean(reward.detach().mean())
        self.reward.lerp_(torch.where(torch.isfinite(new), new, self.reward), self.rate)

    @property
    def value(self) -> Tensor:
        """A scalar tensor."""
        return self.reward * self.horizon


class AdaptiveScale(nn.Module):
    """A scale, or one for each of several quantities: fixed, or adapted so that what it acts on stays near a target.

    An adapted scale changes by the factor 1 + rate per update while the quantity is above target * 1.1 or below target / 1.1.
    With `rising` it grows while the quantity is above: the scale of a loss that presses it down; else the scale of a bonus.
    Source: DayDreamer's public code, AutoAdapt with `mult`.

    Args:
        scale: where it begins.
        target: 0 = a fixed scale.
        rate: change per update.
        bounds: least and largest adapted scale.
        size: number of quantities; 0 = a scalar.
    """

    scale: Tensor

    def __init__(self, scale: float, target: float, rate: float, bounds: tuple[float, float], rising: bool = False,
                 size: int = 0) -> None:
        super().__init__()
        self.target, self.rate, self.bounds, self.rising = target, rate, bounds, rising
        # A fixed scale is a setting and not part of the state.
        self.register_buffer('scale', torch.full((size,) if size else (), scale), persistent=target > 0)

    def update(self, quantity: Tensor) -> Tensor:
        """Take in the present quantity, shaped as the scale; give back the scale."""
        if self.target:
            quantity = parallel.mean(quantity)
            above = (quantity > self.target * 1.1).to(self.scale)
            below = (quantity < self.target / 1.1).to(self.scale)
            up, down = (above, below) if self.rising else (below, above)
            self.scale.mul_((1 + self.rate * up) / (1 + self.rate * down)).clamp_(*self.bounds)
        return self.scale
