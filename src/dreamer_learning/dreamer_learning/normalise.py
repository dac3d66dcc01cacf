"""Scales of returns and advantages for the actor's loss."""

from __future__ import annotations

import torch
from torch import Tensor


class ReturnNormaliser:
    """Moving percentiles of returns: scale = max(limit, high - low).

    DreamerV3, equation 7. The averages start at zero and are not bias-corrected, so the scale is `limit` early on.
    """

    def __init__(self, rate: float, limit: float, low: float, high: float, device: torch.device | str = 'cpu') -> None:
        self.rate, self.limit = rate, limit
        self._quantiles = torch.tensor([low / 100, high / 100], device=device)
        self.range = torch.zeros(2, device=device)  # low, high

    def update(self, returns: Tensor) -> Tensor:
        """Take in returns of any shape, give back the scale, a scalar tensor. Returns that are not finite change nothing."""
        new = torch.quantile(returns.detach().flatten(), self._quantiles)
        self.range.lerp_(torch.where(torch.isfinite(new).all(), new, self.range), self.rate)
        return self.scale()

    def scale(self) -> Tensor:
        return (self.range[1] - self.range[0]).clamp(min=self.limit)

    def state_dict(self) -> dict[str, Tensor]:
        return {'range': self.range.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.range.copy_(state['range'])


class AdvantageNormaliser:
    """(advantage - mean) / standard deviation, both moving averages over updates, corrected for their start at zero.

    Source: DayDreamer's and DreamerV3's public code, `advnorm` with `mean_std`.
    """

    LEAST_STD = 1e-8

    def __init__(self, rate: float, device: torch.device | str = 'cpu') -> None:
        self.rate = rate
        self.moments = torch.zeros(3, device=device)  # of the advantage, of its square, of 1

    def __call__(self, advantage: Tensor) -> Tensor:
        """Take in advantages of any shape, give them back normalised. Any that are not finite leave the averages alone."""
        new = torch.stack([advantage.mean(), advantage.square().mean(), torch.ones((), device=advantage.device)])
        self.moments.lerp_(torch.where(torch.isfinite(new).all(), new, self.moments), self.rate)
        mean, square = self.moments[:2] / self.moments[2].clamp(min=self.rate)
        return (advantage - mean) / (square - mean.square()).clamp(min=self.LEAST_STD**2).sqrt()

    def state_dict(self) -> dict[str, Tensor]:
        return {'moments': self.moments.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.moments.copy_(state['moments'])
