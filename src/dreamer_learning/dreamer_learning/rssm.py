"""Recurrent state-space model: block-GRU and categorical latents.

Shapes: B batch, T time, H horizon, A action, D deterministic units, I = D / G units of one of G blocks, U hidden units,
S latent variables of C classes, K tokens. One step (DreamerV3's public code, rssm.py):

    deter[t-1] -- Linear, norm, SiLU --.
    stoch[t-1] -- Linear, norm, SiLU --+-- to each of G blocks, beside that block's deter[t-1]
    action[t-1] - Linear, norm, SiLU --'        |
                     BlockLinear, norm, SiLU, BlockLinear -> reset, candidate, update -> deter[t]
    prior      p(stoch[t] | deter[t])
    posterior  q(stoch[t] | deter[t], tokens[t])

Two ways through a sequence, equal in values and gradients. Training DreamerV3 takes the fast ones: `observe` as one operation
with a backward pass of its own (scan.py), and `imagine` without gradient, as REINFORCE needs none through the dynamics. The
plain ones, `observe(fused=False)` and `imagine(gradients=True)`, go step by step through autograd: for agents that learn
through the imagined dynamics, and for transitions and latents that the scan does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from dreamer_learning.agent_config import DynamicsConfig
from dreamer_learning.distributions import mix_uniform, sample_one_hot, straight_through
from dreamer_learning.networks import MLP, BlockLinear, Linear, NormSilu, norm_silu
from dreamer_learning.scan import ObserveScan, ScanPlan


class CoreWeights(NamedTuple):
    """The core's parameters rearranged once per sequence, so that a step is as few operations as possible."""

    from_deter: Tensor  # (U, D)
    from_deter_bias: Tensor  # (U)
    from_stoch: Tensor  # (U, C*S)
    from_stoch_bias: Tensor  # (U)
    norm: Tensor  # (2, U)
    hidden_deter: Tensor  # (G, I, I)
    hidden_state: Tensor  # (2 * U, D)
    hidden_norm: Tensor  # (D)
    gates: Tensor  # (G, I, 3 * I)
    gates_bias: Tensor  # (G, 1, 3 * I), the update gate's -1 included


class Core(nn.Module):
    """Deterministic transition: (deter, stoch, action) -> next deter."""

    def __init__(self, config: DynamicsConfig, actions: int) -> None:
        super().__init__()
        self.deter, self.blocks, hidden = config.deter, config.blocks, config.hidden
        self.from_deter = Linear(config.deter, hidden)
        self.from_stoch = Linear(config.stoch * config.classes, hidden)
        self.from_action = Linear(actions, hidden)
        self.deter_norm, self.stoch_norm, self.action_norm = NormSilu(hidden), NormSilu(hidden), NormSilu(hidden)
        self.hidden = BlockLinear(config.deter + config.blocks * 3 * hidden, config.deter, config.blocks)
        self.hidden_norm = NormSilu(config.deter)
        self.gates = BlockLinear(config.deter, 3 * config.deter, config.blocks)

    def prepare(self) -> CoreWeights:
        """Weights for `step`; differentiable."""
        width, units = self.deter // self.blocks, self.from_deter.out_features
        hidden = self.hidden.weight
        bias = self.gates.bias.view(self.blocks, 1, 3 * width)
        shift = bias.new_zeros(3 * width)
        shift[2 * width:] = -1.0
        return CoreWeights(
            self.from_deter.weight, self.from_deter.bias, self.from_stoch.weight, self.from_stoch.bias,
            torch.stack([self.deter_norm.weight, self.stoch_norm.weight]),
            hidden[:, :width],
            hidden[:, width:width + 2 * units].permute(1, 0, 2).reshape(2 * units, self.deter),
            self.hidden_norm.weight, self.gates.weight, bias + shift,
        )

    def action_weight(self) -> Tensor:
        """The hidden layer's rows for the embedded action: (U, D); differentiable."""
        units = self.from_action.out_features
        return self.hidden.weight[:, -units:].permute(1, 0, 2).reshape(units, self.deter)

    def embed_action(self, weight: Tensor, action: Tensor) -> Tensor:
        """The action's share of the hidden layer, bias included: (..., A) -> (..., D). Actions are limited to [-1, 1]."""
        action = action / torch.clamp(action.detach().abs(), min=1.0)
        return functional.linear(self.action_norm(self.from_action(action)), weight.t(), self.hidden.bias)

    def step(self, weights: CoreWeights, deter: Tensor, stoch: Tensor, action: Tensor) -> Tensor:
        """(B, D), (B, C*S), embedded action (B, D) -> (B, D)."""
        count, width = deter.shape[0], self.deter // self.blocks
        x = torch.stack([
            functional.linear(deter, weights.from_deter, weights.from_deter_bias),
            functional.linear(stoch, weights.from_stoch, weights.from_stoch_bias),
        ], 1)
        x = norm_silu(x, weights.norm).view(count, -1)
        x = torch.addmm(action, x, weights.hidden_state).view(count, self.blocks, width)
        grouped = deter.view(count, self.blocks, width)
        x.add_(torch.bmm(grouped.transpose(0, 1), weights.hidden_deter).transpose(0, 1))
        x = norm_silu(x.view(count, self.deter), weights.hidden_norm).view(count, self.blocks, width)
        gates = torch.baddbmm(weights.gates_bias, x.transpose(0, 1), weights.gates).transpose(0, 1)
        reset, candidate, update = gates.chunk(3, -1)
        candidate = torch.tanh(torch.sigmoid(reset) * candidate)
        return torch.lerp(grouped, candidate, torch.sigmoid(update)).view(count, self.deter)


class Posterior(nn.Module):
    """q(stoch | deter, tokens): Linear, norm, SiLU, Linear -> logits (..., C*S)."""

    def __init__(self, config: DynamicsConfig, tokens: int) -> None:
        super().__init__()
        self.first = Linear(config.deter + tokens, config.hidden)
        self.norm = NormSilu(config.hidden)
        self.out = Linear(config.hidden, config.stoch * config.classes)
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
    """The state is deter (B, D) and stoch (B, C*S), one-hot per latent variable."""

    def __init__(self, config: DynamicsConfig, actions: int, tokens: int, prior: bool = True) -> None:
        """prior False leaves out the prior: what acting needs."""
        super().__init__()
        self.config = config
        self.core = Core(config, actions)
        self.posterior = Posterior(config, tokens)
        self.stoch_size = config.stoch * config.classes
        if prior:
            self.prior = MLP(config.deter, config.hidden, config.prior_layers, self.stoch_size)

    def probs(self, logits: Tensor) -> Tensor:
        """(..., C*S) -> class probabilities (..., C, S)."""
        return mix_uniform(logits.unflatten(-1, (self.config.classes, self.config.stoch)), self.config.unimix)

    def sample(self, probs: Tensor, uniform: Tensor) -> Tensor:
        """Sample without gradient: probs (B, C, S), uniform (B, 1, S) -> (B, C*S)."""
        return sample_one_hot(probs, uniform).flatten(-2)

    def uniform(self, *leading: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
        """Uniform numbers (leading..., 1, S) for `sample`."""
        return torch.empty(*leading, 1, self.config.stoch, device=device).uniform_(generator=generator)

    def sample_through(self, probs: Tensor, uniform: Tensor) -> Tensor:
        """As `sample`, with the gradient of the probabilities."""
        return straight_through(self.sample(probs.detach(), uniform), probs.flatten(-2))

    def observe(self, tokens: Tensor, action: Tensor, is_first: Tensor, deter: Tensor, stoch: Tensor,
                generator: torch.Generator | None = None, fused: bool = True) -> tuple[Tensor, Tensor, Tensor]:
        """Filter a sequence.

            action[t-1], deter[t-1], stoch[t-1] --core--> deter[t] --posterior(tokens[t])--> stoch[t]
            where is_first[t]: action[t-1], deter[t-1] and stoch[t-1] count as zero.

        Args:
            tokens: (B, T, K).
            action: (B, T, A), the action BEFORE each step (chosen at t-1).
            is_first: (B, T) bool.
            deter, stoch: (B, D), (B, C*S), the state before the first step; only the plain way gives them a gradient.
            fused: as one operation; False = step by step.

        Returns:
            deter (B, T, D), stoch (B, T, C*S) and posterior probabilities (B, T, C, S).
        """
        batch, length = is_first.shape
        keep = (~is_first).to(tokens.dtype).t().unsqueeze(-1)  # (T, B, 1)
        plan = ScanPlan(self.config, keep, is_first.any(0).tolist(),
                        self.uniform(length, batch, generator=generator, device=tokens.device))
        actions = self.core.embed_action(self.core.action_weight(), action.transpose(0, 1) * keep)
        projected = self.posterior.project(tokens.transpose(0, 1))
        if fused:
            posterior = self.posterior
            weights = (*self.core.prepare(), posterior.deter_weight(), posterior.norm.weight, posterior.out.weight,
                       posterior.out.bias)
            outputs = ObserveScan.apply(plan, deter, stoch, actions, projected, *weights)
        else:
            outputs = self._observe_steps(plan, deter, stoch, actions, projected)
        deters, stochs, probs = (x.transpose(0, 1) for x in outputs)
        return deters, stochs, probs

    def _observe_steps(self, plan: ScanPlan, deter: Tensor, stoch: Tensor, actions: Tensor,
                       projected: Tensor) -> list[Tensor]:
        """What ObserveScan does, through autograd."""
        weights, posterior = self.core.prepare(), self.posterior.deter_weight()
        results = []
        for t, keep in enumerate(plan.keep):
            deter = self.core.step(weights, deter * keep, stoch * keep, actions[t])
            probs = self.probs(self.posterior(posterior, deter, projected[t]))
            stoch = self.sample_through(probs, plan.uniform[t])
            results.append((deter, stoch, probs))
        return [torch.stack(parts) for parts in zip(*results)]

    def imagine(self, features: Tensor, policy: Callable[[Tensor, int], Tensor], horizon: int,
                generator: torch.Generator | None = None, gradients: bool = False) -> tuple[Tensor, Tensor]:
        """Roll the prior forward.

            features[0] --policy--> action[0] --core, prior--> features[1] ... features[H]

        Args:
            features: (N, D + C*S), where imagination starts.
            policy: (features (N, F), h) -> action (N, A); called in inference mode where there are no gradients.
            gradients: through dynamics, samples (straight-through) and actions; False = none.

        Returns:
            features (H+1, N, F) and actions (H, N, A).
        """
        with torch.inference_mode(not gradients):
            states, actions = self._imagine_steps(features if gradients else features.detach(), policy, horizon, generator)
        return torch.stack(states), torch.stack(actions)  # outside: tensors of inference mode cannot be trained on

    def _imagine_steps(self, features: Tensor, policy: Callable[[Tensor, int], Tensor], horizon: int,
                       generator: torch.Generator | None) -> tuple[list[Tensor], list[Tensor]]:
        sample = self.sample if torch.is_inference_mode_enabled() else self.sample_through
        weights, action_weight = self.core.prepare(), self.core.action_weight()
        states, actions = [features], []
        deter, stoch = features.split([self.config.deter, self.stoch_size], -1)
        for h in range(horizon):
            actions.append(policy(states[-1], h))
            deter = self.core.step(weights, deter, stoch, self.core.embed_action(action_weight, actions[-1]))
            uniform = self.uniform(len(features), generator=generator, device=features.device)
            stoch = sample(self.probs(self.prior(deter)), uniform)
            states.append(torch.cat([deter, stoch], -1))
        return states, actions
