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
from dreamer_learning.config import ConfigError
from dreamer_learning.devices import compile_method, leave_plain
from dreamer_learning.distributions import bernoulli_loss
from dreamer_learning.heads import ContinueHead, ScalarHead, feature_size
from dreamer_learning.kl import KLLoss
from dreamer_learning.networks import NormSilu
from dreamer_learning.rssm import RSSM
from dreamer_learning.spaces import Task


class WorldModelLoss(NamedTuple):
    """Losses by name, each (B, T) or (B*T); the posterior state; values to report, scalar tensors."""

    losses: dict[str, Tensor]
    deter: Tensor  # (B, T, D)
    stoch: Tensor  # (B, T, C*S)
    metrics: dict[str, Tensor]


class WorldModel(nn.Module):
    """Encoder, recurrent state-space model, decoder, reward and, where there is one, continuation head.

    Raises:
        ConfigError: the agent does not go with what the task sees.
    """

    def __init__(self, config: AgentConfig, task: Task) -> None:
        super().__init__()
        self.config, self.action = config, task.action
        networks, heads, features = config.networks, config.heads, feature_size(config)
        self.encoder = Encoder(task.observation, networks)
        self.rssm = RSSM(config.dynamics, task.action.size, self.encoder.outputs, style=networks.style)
        self.decoder = Decoder(task.observation, networks, config.dynamics.deter, config.dynamics.stoch_size)
        self.reward = ScalarHead(features, heads.reward_layers, heads.reward, networks, heads)
        self.continuation = ContinueHead(features, networks, heads) if heads.continuation else None
        self.kl = KLLoss(config.loss, self.rssm.latent)
        if not (config.loss.image_gradient or self.decoder.images):
            raise ConfigError(f'{config.agent}: loss: image_gradient: false needs a task with images; '
                              'for observations as a whole: reconstruction_gradient')

    def observe(self, batch: Mapping[str, Tensor], generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """Posterior state of every step: deter (B, T, D), stoch (B, T, C*S), statistics (B, T, ...), see latents.py."""
        is_first = batch['is_first']
        tokens = self.encoder(batches.observations(batch)).unflatten(0, is_first.shape)
        if self.config.replay.context:
            deter, stoch = batches.context(batch, self.config.dynamics.classes)
        else:
            is_first = batches.first_in_window(is_first)
            sizes = self.config.dynamics.deter, self.rssm.latent.size
            deter, stoch = (torch.zeros(len(tokens), n, device=tokens.device) for n in sizes)
        actions = batches.shifted_actions(batch, self.action)
        return self.rssm.observe(tokens, actions, is_first, deter, stoch, generator)

    def live(self, features: Tensor) -> Tensor:
        """Discounted probability that the episode goes on: (..., F) -> (...)."""
        behaviour = self.config.behaviour
        discount = 1 - 1 / behaviour.discount_horizon
        if self.continuation is None:
            return torch.full(features.shape[:-1], discount, device=features.device)
        return self.continuation.predict(features) * (1.0 if behaviour.discount_in_target else discount)

    def compile_parts(self, backend: str) -> None:
        """See Agent.compile. Convolutions stay as they are, as what the compiler puts around them is slower; only the norms
        between them are compiled."""
        self.rssm.compile_parts(backend)
        for module in self.encoder.modules():
            if isinstance(module, NormSilu):
                module.compile(backend=backend, dynamic=False)
        if self.decoder.images:
            leave_plain(self.decoder.image, 'forward')
        compile_method(self, 'head_losses', backend)

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator | None = None) -> WorldModelLoss:
        """DreamerV3, equation 5: reconstruction, reward, continuation, and the KL in both directions of the gradient.

        The agents before it differ in the parts (heads, likelihoods, KL rule), not in the sum.
        """
        deter, stoch, posterior = self.observe(batch, generator)
        losses, metrics = self.head_losses(batch, deter, stoch, posterior)
        if self.config.loss.overshooting:
            losses['overshoot'] = self._overshoot(batch, deter, stoch, posterior, generator)
        return WorldModelLoss(losses, deter, stoch, metrics)

    def head_losses(self, batch: Mapping[str, Tensor], deter: Tensor, stoch: Tensor,
                    posterior: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """All losses but overshooting, of filtered states (B, T, ...): by name, and metrics."""
        prior = self.rssm.latent.statistics(self.rssm.prior(deter))
        losses, metrics = self.kl(posterior, prior)
        features = torch.cat([deter, stoch], -1).flatten(0, 1)
        own = self.config.loss
        observed = features if own.reconstruction_gradient else features.detach()
        reconstruction = self.decoder.loss(observed, batches.observations(batch), own.image_gradient)
        metrics.update({f'loss/{name}': loss.mean() for name, loss in reconstruction.items()})
        losses['reconstruction'] = torch.stack(list(reconstruction.values())).sum(0)
        reward = self.reward(features if own.reward_gradient else features.detach())
        losses['reward'] = self.reward.output.loss(reward, batch['reward'].flatten().unsqueeze(-1))
        if self.continuation is not None:
            losses['continuation'] = bernoulli_loss(self.continuation(features), self._continue_target(batch))
        return losses, metrics

    def _continue_target(self, batch: Mapping[str, Tensor]) -> Tensor:
        behaviour = self.config.behaviour
        discount = 1 - 1 / behaviour.discount_horizon if behaviour.discount_in_target else 1.0
        return (~batch['is_terminal']).float().flatten() * discount

    def _overshoot(self, batch: Mapping[str, Tensor], deter: Tensor, stoch: Tensor, posterior: Tensor,
                   generator: torch.Generator | None) -> Tensor:
        """KL of the posterior to priors 2 .. D steps open loop, (PlaNet, section 4): (D - 1).

            posterior[t] --a[t], ..., a[t+d-1]--> prior[t+d],   max(free, KL(sg(posterior[t+d]) || prior[t+d]))
            not counted where a step t+1 .. t+d is first: the open loop knows nothing of a reset.
        """
        actions, is_first = batches.shifted_actions(batch, self.action), batch['is_first']
        rssm, distance = self.rssm, min(self.config.loss.overshooting, deter.shape[1] - 1)
        weights, embed = rssm.core.prepare(), rssm.core.action_weight()
        alive, results = torch.ones_like(is_first), []
        for d in range(1, distance + 1):
            alive = alive[:, :is_first.shape[1] - d] & ~is_first[:, d:]
            shape = alive.shape
            share = rssm.core.embed_action(embed, actions[:, d:].flatten(0, 1))
            deter, stoch = (x[:, :shape[1]].flatten(0, 1) for x in (deter, stoch))
            deter = rssm.core.step(weights, deter, stoch, share)
            prior = rssm.latent.statistics(rssm.prior(deter))
            noise = rssm.latent.noise(len(deter), generator=generator, device=deter.device)
            stoch = rssm.latent.sample_through(prior, noise).unflatten(0, shape)
            deter = deter.unflatten(0, shape)
            if d > 1:
                kl = rssm.latent.kl(posterior[:, d:].detach(), prior.unflatten(0, shape))
                results.append((kl.clamp(min=self.config.loss.free_nats) * alive).mean())
        return torch.stack(results) if results else deter.new_zeros(1)
