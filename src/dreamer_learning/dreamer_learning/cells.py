"""The deterministic transition (deter, stoch, action) -> next deter, in two kinds.

BlockGRU is DreamerV3's; DenseGRU, a linear layer and a GRU, that of PlaNet, Dreamer V1, V2 and DayDreamer. Both offer:

    weights = core.prepare()                          once per sequence
    share = core.embed_action(core.action_weight(), action)      for all steps at once
    deter = core.step(weights, deter, stoch, share)   step by step

Shapes: B batch, A action, D deterministic units, I = D / G units of one of G blocks, U hidden units, C*S the flat latent of S
variables of C classes (S where it is Gaussian).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from dreamer_learning.model_config import DynamicsConfig
from dreamer_learning.networks import LAYER_NORM_EPSILON, BlockLinear, Linear, NormSilu, Style, norm_silu


def between(start: Tensor, end: Tensor, weight: Tensor) -> Tensor:
    """torch.lerp of mixed precisions: (...) each."""
    kind = torch.promote_types(start.dtype, end.dtype)
    return torch.lerp(start.to(kind), end.to(kind), weight.to(kind))


def limited(action: Tensor) -> Tensor:
    """What is carried out of a sampled action: a normal's may be beyond [-1, 1], and no replayed one ever is. The gradient goes
    on, as in DreamerV3's public code."""
    return action / torch.clamp(action.detach().abs(), min=1.0)


class BlockGRUWeights(NamedTuple):
    """The parameters rearranged once per sequence, so that a step is as few operations as possible."""

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


class BlockGRU(nn.Module):
    """DreamerV3's transition (public code, rssm.py):

        deter[t-1] -- Linear, norm, SiLU --.
        stoch[t-1] -- Linear, norm, SiLU --+-- to each of G blocks, beside that block's deter[t-1]
        action[t-1] - Linear, norm, SiLU --'        |
                         BlockLinear, norm, SiLU, BlockLinear -> reset, candidate, update -> deter[t]
    """

    def __init__(self, config: DynamicsConfig, stoch: int, actions: int) -> None:
        """stoch: size of the flat latent."""
        super().__init__()
        self.deter, self.blocks, hidden = config.deter, config.blocks, config.hidden
        self.from_deter = Linear(config.deter, hidden)
        self.from_stoch = Linear(stoch, hidden)
        self.from_action = Linear(actions, hidden)
        self.deter_norm, self.stoch_norm, self.action_norm = NormSilu(hidden), NormSilu(hidden), NormSilu(hidden)
        self.hidden = BlockLinear(config.deter + config.blocks * 3 * hidden, config.deter, config.blocks)
        self.hidden_norm = NormSilu(config.deter)
        self.gates = BlockLinear(config.deter, 3 * config.deter, config.blocks)

    def prepare(self) -> BlockGRUWeights:
        """Weights for `step`; differentiable."""
        width, units = self.deter // self.blocks, self.from_deter.out_features
        hidden = self.hidden.weight
        bias = self.gates.bias.view(self.blocks, 1, 3 * width)
        shift = bias.new_zeros(3 * width)
        shift[2 * width:] = -1.0
        return BlockGRUWeights(
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
        return functional.linear(self.action_norm(self.from_action(limited(action))), weight.t(), self.hidden.bias)

    def step(self, weights: Any, deter: Tensor, stoch: Tensor, action: Tensor) -> Tensor:
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
        reset, candidate, update = torch.baddbmm(weights.gates_bias, x.transpose(0, 1), weights.gates).chunk(3, -1)
        candidate = torch.tanh(torch.sigmoid(reset) * candidate)
        blocks = between(grouped.transpose(0, 1), candidate, torch.sigmoid(update))  # (G, B, I), as the product left them
        return blocks.transpose(0, 1).reshape(count, self.deter)


class DenseGRU(nn.Module):
    """Linear and activation on (stoch, action), then a GRU cell: the transition of the agents before DreamerV3."""

    def __init__(self, config: DynamicsConfig, stoch: int, actions: int, style: Style) -> None:
        super().__init__()
        self.stoch = stoch
        self.inputs = Linear(stoch + actions, config.hidden, 1.0, style, style.bias)
        self.norm = style.after(config.hidden)
        self.cell = CELLS[config.cell](config.hidden, config.deter, style)

    def prepare(self) -> tuple[()]:
        """Nothing to rearrange."""
        return ()

    def action_weight(self) -> Tensor:
        """The input layer's columns for the action: (U, A); differentiable."""
        return self.inputs.weight[:, self.stoch:]

    def embed_action(self, weight: Tensor, action: Tensor) -> Tensor:
        """The action's share of the input layer, bias included: (..., A) -> (..., U). Actions are limited to [-1, 1]."""
        return functional.linear(limited(action), weight, self.inputs.bias)

    def step(self, weights: Any, deter: Tensor, stoch: Tensor, action: Tensor) -> Tensor:
        """(B, D), (B, C*S), embedded action (B, U) -> (B, D)."""
        x = self.norm(torch.addmm(action, stoch, self.inputs.weight[:, :self.stoch].t()))
        return self.cell(x, deter)


class NormGRU(nn.Module):
    """GRU with LayerNorm over its three gates, the reset on the candidate before the tanh, and an update bias of -1.

    Source: DreamerV2's and DayDreamer's public code. The linear layer has a bias where the other layers have one (V2), or where
    no LayerNorm follows.
    """

    def __init__(self, inputs: int, units: int, style: Style, normed: bool = True) -> None:
        super().__init__()
        self.gates = Linear(inputs + units, 3 * units, 1.0, style, style.bias or not normed)
        self.norm = nn.LayerNorm(3 * units, LAYER_NORM_EPSILON) if normed else nn.Identity()

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        reset, candidate, update = self.norm(self.gates(torch.cat([x, state], -1))).chunk(3, -1)
        candidate = torch.tanh(torch.sigmoid(reset) * candidate)
        return between(state, candidate, torch.sigmoid(update - 1))


class ResetFirstGRU(nn.Module):
    """GRU whose reset acts on the state before the matrix product, gates with a bias of 1: PlaNet's GRUBlockCell."""

    def __init__(self, inputs: int, units: int, style: Style) -> None:
        super().__init__()
        self.gates = Linear(inputs + units, 2 * units, 1.0, style)
        self.candidate = Linear(inputs + units, units, 1.0, style)
        nn.init.ones_(self.gates.bias)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        reset, keep = torch.sigmoid(self.gates(torch.cat([x, state], -1))).chunk(2, -1)
        candidate = torch.tanh(self.candidate(torch.cat([x, reset * state], -1)))
        return between(candidate, state, keep)


class KerasGRU(nn.GRUCell):
    """The usual GRU cell, begun as Keras begins it: Glorot input weights, orthogonal recurrent ones, zero biases."""

    def __init__(self, inputs: int, units: int, style: Style) -> None:
        super().__init__(inputs, units)

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.bias_ih)
        nn.init.zeros_(self.bias_hh)
        nn.init.xavier_uniform_(self.weight_ih)
        nn.init.orthogonal_(self.weight_hh)


CELLS: dict[str, Callable[[int, int, Style], nn.Module]] = {
    'gru': KerasGRU, 'norm_gru': NormGRU, 'unnormed_gru': functools.partial(NormGRU, normed=False),
    'reset_first_gru': ResetFirstGRU,
}
