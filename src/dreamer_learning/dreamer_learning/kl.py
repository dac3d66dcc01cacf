"""The KL terms of the world model, as each generation balances and limits them.

Shapes: B batch, T time; statistics as in latents.py.

| agent | dynamics, representation | free nats |
|---|---|---|
| PlaNet | 1, 1: the plain KL (balance 0.5) | of each element |
| Dreamer V1 | 1, 1 | of the mean |
| DreamerV2 | 0.8, 0.2, times 0.1 for Atari | of the mean |
| DreamerV2 without balancing | 1, 1, times 0.1 for Atari | of each element |
| DayDreamer | 0.8, 0.2, times a scale that holds the KL at a target | none |
| DreamerV3 | 1, 0.1 | of each element |

The plain KL has the gradients of both terms at scale 1; only the reported sum counts it twice.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dreamer_learning import parallel
from dreamer_learning.latents import Latent
from dreamer_learning.normalise import AdaptiveScale
from dreamer_learning.training_config import LossConfig


class KLLoss(nn.Module):
    """Statistics of posterior and prior (B, T, ...) -> losses by name, (B, T) or a mean (), and scalar metrics.

        dynamics       max(free, KL(sg(posterior) || prior))
        representation max(free, KL(posterior || sg(prior)))
    """

    LOWEST, HIGHEST, RATE = 1e-3, 1.0, 0.1

    def __init__(self, config: LossConfig, latent: Latent) -> None:
        super().__init__()
        self.config, self._latent = config, latent
        # Grows while the KL is above its target: DayDreamer's code, wmkl, a multiplier that starts at 1.
        self.scale = AdaptiveScale(1.0, config.kl_target, self.RATE, (self.LOWEST, self.HIGHEST), rising=True)

    def forward(self, posterior: Tensor, prior: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Losses 'dynamics' and 'representation'."""
        dynamics = self._latent.kl(posterior.detach(), prior)
        representation = self._latent.kl(posterior, prior.detach())
        value = dynamics.detach().mean()
        terms = dynamics, representation
        if self.config.free_mean:
            terms = parallel.mean_through(dynamics.mean()), parallel.mean_through(representation.mean())
        scale = self.scale.update(value)
        losses = {name: term.clamp(min=self.config.free_nats) * scale
                  for name, term in zip(('dynamics', 'representation'), terms)}
        with torch.no_grad():
            entropies = [self._latent.entropy(statistics).mean() for statistics in (posterior, prior)]
        metrics = {'kl': value, 'entropy/posterior': entropies[0], 'entropy/prior': entropies[1]}
        if self.config.kl_target:
            metrics['kl/scale'] = scale.clone()
        return losses, metrics
