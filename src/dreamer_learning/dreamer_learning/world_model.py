"""The world model: encoder, RSSM, decoder, reward and continuation, and their loss.

Time indices of one window (o observation, a action, r reward, h deter, z stoch, x tokens):

      context      t = 0                  t = 1                        t = T-1
      h[-1],z[-1]  o[0] r[0]              o[1] r[1]                    o[T-1] r[T-1]
           |        |                      |                            |
           |       x[0]                   x[1]                         x[T-1]
           v        v                      v                            v
      a[-1]-->h[0]-->z[0] --a[0]--> h[1]-->z[1] --a[1]--> ... --> h[T-1]-->z[T-1]
                     |                     |                            |
                o[0],r[0],c[0]        o[1],r[1],c[1]             o[T-1],r[T-1],c[T-1]    predicted from (h[t], z[t])

r[t] is earned by arriving at t, so it is predicted from the state at t, after a[t-1]. c[t] = 1 - is_terminal[t], times
the discount where `discount_in_target` says so, as the public code does.
Shapes: B batch, T time, F features (deter and stoch).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dreamer_learning import batch as batches
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.coders import Decoder, Encoder
from dreamer_learning.distributions import bernoulli_loss, categorical_kl
from dreamer_learning.heads import ContinueHead, TwoHotHead, feature_size
from dreamer_learning.rssm import RSSM
from dreamer_learning.spaces import Task


class WorldModelLoss(NamedTuple):
    """Losses by name, each (B, T) or (B*T); the posterior state; values to report, scalar tensors."""

    losses: dict[str, Tensor]
    deter: Tensor  # (B, T, D)
    stoch: Tensor  # (B, T, C*S)
    metrics: dict[str, Tensor]


class WorldModel(nn.Module):
    """Encoder, recurrent state-space model, decoder, reward and continuation heads."""

    def __init__(self, config: AgentConfig, task: Task) -> None:
        super().__init__()
        self.config, self.action = config, task.action
        networks, heads, features = config.networks, config.heads, feature_size(config)
        self.encoder = Encoder(task.observation, networks)
        self.rssm = RSSM(config.dynamics, task.action.size, self.encoder.outputs)
        self.decoder = Decoder(task.observation, networks, config.dynamics)
        self.reward = TwoHotHead(features, networks.units, heads.reward_layers, heads.bins)
        self.continuation = ContinueHead(features, networks.units, heads.continue_layers)

    def observe(self, batch: Mapping[str, Tensor], generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """Posterior state of every step: deter (B, T, D), stoch (B, T, C*S), probabilities (B, T, C, S)."""
        is_first = batch['is_first']
        tokens = self.encoder(batches.observations(batch)).unflatten(0, is_first.shape)
        deter, stoch = batches.context(batch, self.config.dynamics.classes)
        actions = batches.shifted_actions(batch, self.action)
        return self.rssm.observe(tokens, actions, is_first, deter, stoch, generator)

    def live(self, features: Tensor) -> Tensor:
        """Discounted probability that the episode goes on: (..., F) -> (...)."""
        behaviour = self.config.behaviour
        discount = 1.0 if behaviour.discount_in_target else 1 - 1 / behaviour.discount_horizon
        return self.continuation.predict(features) * discount

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator | None = None) -> WorldModelLoss:
        """DreamerV3, equation 5: reconstruction, reward, continuation, and the KL in both directions of the gradient."""
        deter, stoch, posterior = self.observe(batch, generator)
        prior = self.rssm.probs(self.rssm.prior(deter))
        losses, metrics = kl_losses(posterior, prior, self.config.loss.free_nats)
        features = torch.cat([deter, stoch], -1).flatten(0, 1)
        reconstruction = self.decoder.loss(features, batches.observations(batch))
        metrics.update({f'loss/{name}': loss.mean() for name, loss in reconstruction.items()})
        losses['reconstruction'] = torch.stack(list(reconstruction.values())).sum(0)
        losses['reward'] = self.reward.twohot.loss(self.reward(features), batch['reward'].flatten().unsqueeze(-1))
        behaviour = self.config.behaviour
        discount = 1 - 1 / behaviour.discount_horizon if behaviour.discount_in_target else 1.0
        target = (~batch['is_terminal']).float().flatten() * discount
        losses['continuation'] = bernoulli_loss(self.continuation(features), target)
        return WorldModelLoss(losses, deter, stoch, metrics)


def kl_losses(posterior: Tensor, prior: Tensor, free_nats: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """KL losses (B, T) of (B, T, C, S) probabilities, and scalar metrics.

        dynamics       max(free, KL(sg(posterior) || prior))
        representation max(free, KL(posterior || sg(prior)))
    Free nats apply to each (batch, time) element before any mean, to each term on its own.
    """
    dynamics = categorical_kl(posterior.detach(), prior)
    representation = categorical_kl(posterior, prior.detach())
    losses = {
        'dynamics': dynamics.clamp(min=free_nats),
        'representation': representation.clamp(min=free_nats),
    }
    with torch.no_grad():
        entropies = [-(p * torch.log(p)).sum((-2, -1)).mean() for p in (posterior, prior)]
    return losses, {'kl': dynamics.detach().mean(), 'entropy/posterior': entropies[0], 'entropy/prior': entropies[1]}
