"""Recurrent state-space model (Hafner et al. 2019, PlaNet): a deterministic path, and a latent with prior and posterior.

Shapes: B batch, T time, H horizon, A action, D deterministic units, U hidden units, K tokens, C*S the flat latent of S variables
of C classes (S where it is Gaussian), P the shape of its statistics, see latents.py. One step:

    deter[t-1], stoch[t-1], action[t-1] --core (cells.py)--> deter[t]
    prior      p(stoch[t] | deter[t])
    posterior  q(stoch[t] | deter[t], tokens[t])

Two ways through a sequence, equal in values and gradients. Training DreamerV3 takes the fast ones: `observe` as one operation
with a backward pass of its own (scan.py), and `imagine` without gradient, as REINFORCE needs none through the dynamics. The
plain ones, `observe(fused=False)` and `imagine(gradients=True)`, go step by step through autograd: for agents that learn
through the imagined dynamics, and for transitions and latents that the scan does not know.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from dreamer_learning.agent_config import DynamicsConfig
from dreamer_learning.cells import BlockGRU, DenseGRU
from dreamer_learning.latents import make_latent
from dreamer_learning.networks import MLP, V3, Linear, Style
from dreamer_learning.scan import ObserveScan, ScanPlan


class Posterior(nn.Module):
    """q(stoch | deter, tokens): Linear, normalisation, activation, Linear -> raw latent statistics (..., R)."""

    def __init__(self, config: DynamicsConfig, tokens: int, outputs: int, style: Style) -> None:
        super().__init__()
        self.first = Linear(config.deter + tokens, config.hidden, 1.0, style, style.bias)
        self.norm = style.after(config.hidden)
        self.out = Linear(config.hidden, outputs, 1.0, style)
        self.deter = config.deter

    def project(self, tokens: Tensor) -> Tensor:
        """The tokens' share of the first layer, bias included: (..., K) -> (..., U)."""
        return functional.linear(tokens, self.first.weight[:, self.deter:], self.first.bias)

    def forward(self, weight: Tensor, deter: Tensor, projected: Tensor) -> Tensor:
        """weight: `deter_weight`, (D, U); deter (B, D); projected tokens (B, U)."""
        return self.out(self.norm(torch.addmm(projected, deter, weight)))

    def deter_weight(self) -> Tensor:
        """The first layer's columns for deter, transposed: (D, U)."""
        return self.first.weight[:, :self.deter].t()


class RSSM(nn.Module):
    """The state is deter (B, D) and stoch (B, C*S)."""

    def __init__(self, config: DynamicsConfig, actions: int, tokens: int, prior: bool = True, style: Style = V3) -> None:
        """prior False leaves out the prior: what acting without planning needs."""
        super().__init__()
        self.config, self.latent = config, make_latent(config)
        blocks = config.cell == 'block_gru'
        size = self.latent.size
        self.core = BlockGRU(config, size, actions) if blocks else DenseGRU(config, size, actions, style)
        self.posterior = Posterior(config, tokens, self.latent.outputs, style)
        self._fused = blocks and config.latent == 'categorical' and config.initial == 'zeros'
        if config.initial == 'learned':
            self.first_deter = nn.Parameter(torch.zeros(config.deter))
        if prior or config.initial == 'learned':
            self.prior = MLP(config.deter, config.hidden, config.prior_layers, self.latent.outputs, style=style)

    def initial(self, batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """State before the first observation: zeros, or (DayDreamer) a learned deter and the mode of its prior."""
        if self.config.initial == 'zeros':
            return torch.zeros(batch, self.config.deter, device=device), torch.zeros(batch, self.latent.size, device=device)
        deter = torch.tanh(self.first_deter).expand(batch, -1)
        return deter, self.latent.mode(self.latent.statistics(self.prior(deter)))

    def observe(self, tokens: Tensor, action: Tensor, is_first: Tensor, deter: Tensor, stoch: Tensor,
                generator: torch.Generator | None = None, fused: bool = True) -> tuple[Tensor, Tensor, Tensor]:
        """Filter a sequence.

            action[t-1], deter[t-1], stoch[t-1] --core--> deter[t] --posterior(tokens[t])--> stoch[t]
            where is_first[t]: action[t-1] counts as zero, deter[t-1] and stoch[t-1] are the initial state.

        Args:
            tokens: (B, T, K).
            action: (B, T, A), the action BEFORE each step (chosen at t-1).
            is_first: (B, T) bool.
            deter, stoch: (B, D), (B, C*S), the state before the first step; only the plain way gives them a gradient.
            fused: as one operation where there is one; False = step by step.

        Returns:
            deter (B, T, D), stoch (B, T, C*S) and posterior statistics (B, T, P).
        """
        batch, length = is_first.shape
        keep = (~is_first).to(tokens.dtype).t().unsqueeze(-1)  # (T, B, 1)
        plan = ScanPlan(self.config, keep, is_first.any(0).tolist(),
                        self.latent.noise(length, batch, generator=generator, device=tokens.device))
        actions = self.core.embed_action(self.core.action_weight(), action.transpose(0, 1) * keep)
        projected = self.posterior.project(tokens.transpose(0, 1))
        if fused and self._fused:
            posterior = self.posterior
            weights = (*tuple(self.core.prepare()), posterior.deter_weight(), posterior.norm.weight, posterior.out.weight,
                       posterior.out.bias)
            outputs = ObserveScan.apply(plan, deter, stoch, actions, projected, *weights)
        else:
            outputs = self._observe_steps(plan, deter, stoch, actions, projected)
        deters, stochs, statistics = (x.transpose(0, 1) for x in outputs)
        return deters, stochs, statistics

    def _observe_steps(self, plan: ScanPlan, deter: Tensor, stoch: Tensor, actions: Tensor,
                       projected: Tensor) -> list[Tensor]:
        """What ObserveScan does, through autograd."""
        weights, posterior = self.core.prepare(), self.posterior.deter_weight()
        first = self.initial(len(deter), deter.device) if self.config.initial == 'learned' else None
        results = []
        for t, keep in enumerate(plan.keep):
            deter, stoch = deter * keep, stoch * keep
            if first is not None:
                deter, stoch = (torch.addcmul(x, 1 - keep, y) for x, y in zip((deter, stoch), first))
            deter = self.core.step(weights, deter, stoch, actions[t])
            statistics = self.latent.statistics(self.posterior(posterior, deter, projected[t]))
            stoch = self.latent.sample_through(statistics, plan.uniform[t])
            results.append((deter, stoch, statistics))
        return [torch.stack(parts) for parts in zip(*results)]

    def imagine(self, features: Tensor, policy: Callable[[Tensor, int], Tensor], horizon: int,
                generator: torch.Generator | None = None, gradients: bool = False) -> tuple[Tensor, Tensor]:
        """Roll the prior forward.

            features[0] --policy--> action[0] --core, prior--> features[1] ... features[H]

        Args:
            features: (N, D + C*S), where imagination starts.
            policy: (features (N, F), h) -> action (N, A); called in inference mode where there are no gradients.
            gradients: through dynamics, samples and actions; False = none.

        Returns:
            features (H+1, N, F) and actions (H, N, A).
        """
        with torch.inference_mode(not gradients):
            states, actions = self._imagine_steps(features if gradients else features.detach(), policy, horizon, generator)
        return torch.stack(states), torch.stack(actions)  # outside: tensors of inference mode cannot be trained on

    def _imagine_steps(self, features: Tensor, policy: Callable[[Tensor, int], Tensor], horizon: int,
                       generator: torch.Generator | None) -> tuple[list[Tensor], list[Tensor]]:
        latent = self.latent
        sample = latent.sample if torch.is_inference_mode_enabled() else latent.sample_through
        weights, action_weight = self.core.prepare(), self.core.action_weight()
        states, actions = [features], []
        deter, stoch = features.split([self.config.deter, latent.size], -1)
        for h in range(horizon):
            actions.append(policy(states[-1], h))
            deter = self.core.step(weights, deter, stoch, self.core.embed_action(action_weight, actions[-1]))
            noise = latent.noise(len(features), generator=generator, device=features.device)
            stoch = sample(latent.statistics(self.prior(deter)), noise)
            states.append(torch.cat([deter, stoch], -1))
        return states, actions
