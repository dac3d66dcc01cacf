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
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dreamer_learning.cells import BlockGRU, DenseGRU
from dreamer_learning.devices import compile_method
from dreamer_learning.latents import make_latent
from dreamer_learning.model_config import DynamicsConfig
from dreamer_learning.networks import MLP, V3, Linear, Style, widen
from dreamer_learning.scan import ObserveScan, ScanPlan, ScanSteps

HALF_PRECISION_ROWS = 512
"""Of fewer rows, converting costs a CPU more than half precision gains in the products of one step. The batch of a filter's step
never has as many. The actor's loss is in half precision either way: its log-probabilities are those of the policy that acted
but for rounding."""


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
        self._scan = ScanSteps()
        self._fused = blocks and config.latent == 'categorical' and config.initial == 'zeros'
        if config.initial == 'learned':
            self.first_deter = nn.Parameter(torch.zeros(config.deter))
        if prior or config.initial == 'learned':
            self.prior = MLP(config.deter, config.hidden, config.prior_layers, self.latent.outputs, style=style)

    def compile_parts(self, backend: str) -> None:
        """See Agent.compile."""
        self._scan.compile(backend)
        compile_method(self, 'advance', backend)

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
        keep = (~is_first).to(deter.dtype).t().unsqueeze(-1)  # (T, B, 1)
        # A graph is the same whether there are resets or not.
        resets = [True] * length if self._scan.length else is_first.any(0).tolist()
        plan = ScanPlan(self._scan, self.config, keep, resets,
                        self.latent.noise(length, batch, generator=generator, device=tokens.device))
        actions = widen(self.core.embed_action(self.core.action_weight(), action.transpose(0, 1) * keep))
        projected = widen(self.posterior.project(tokens.transpose(0, 1)))
        # See HALF_PRECISION_ROWS.
        with torch.autocast(tokens.device.type, enabled=False):
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
            policy: (features (N, F), h) -> action (N, A); called without gradients where there are none.
            gradients: through dynamics, samples and actions; False = none.

        Returns:
            features (H+1, N, F), in half precision under autocast where there are HALF_PRECISION_ROWS, and actions (H, N, A).
        """
        half = torch.is_autocast_enabled(features.device.type) and len(features) >= HALF_PRECISION_ROWS
        # No cache: weights converted here, without gradient, must not be those of the losses.
        with torch.set_grad_enabled(gradients), torch.autocast(features.device.type, enabled=half, cache_enabled=False):
            noise = self.latent.noise(horizon, len(features), generator=generator, device=features.device)
            weights, action_weight = self.core.prepare(), self.core.action_weight()
            states, actions = [self._compute(features)], []
            for h in range(horizon):
                actions.append(policy(states[-1], h))
                states.append(self.advance(weights, action_weight, states[-1], actions[-1], noise[h]))
            return torch.stack(states), torch.stack(actions)

    def advance(self, weights: Any, action_weight: Tensor, features: Tensor, action: Tensor, noise: Tensor) -> Tensor:
        """One imagined step.

        Args:
            weights, action_weight: of `core`.
            features: (N, D + C*S).
            action: (N, A).
            noise: of the latent, (N, 1, S).

        Returns:
            the next features (N, D + C*S).
        """
        latent = self.latent
        deter, stoch = features.split([self.config.deter, latent.size], -1)
        deter = self.core.step(weights, deter, stoch, self.core.embed_action(action_weight, action))
        statistics = latent.statistics(self.prior(deter))
        stoch = latent.sample_through(statistics, noise) if torch.is_grad_enabled() else latent.sample(statistics, noise)
        return torch.cat([deter, stoch.to(deter.dtype)], -1)

    @staticmethod
    def _compute(x: Tensor) -> Tensor:
        """In the precision that matrix products have here."""
        kind = x.device.type
        return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x
