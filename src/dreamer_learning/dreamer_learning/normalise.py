"""Scale of returns for the actor's loss."""

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
