"""Adam as Keras or torch have it, each group of parameters with a rate of its own: for the agents before DreamerV3."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dreamer_learning.training_config import OptimiserConfig


class Group(NamedTuple):
    """Parameters that are clipped together, and their learning rate."""

    name: str
    parameters: list[nn.Parameter]
    rate: float


class Adam:
    """One step, for the gradients g of each group and the step count k = 1, 2, ...:

        g  <- g min(1, clip / |g|)                     |g| over the whole group
        p  <- p (1 - decay)                            with decay_kernels: p (1 - decay rate), matrices only
        m  <- beta1 m + (1 - beta1) g
        v  <- beta2 v + (1 - beta2) g^2
        p  <- p - rate sqrt(1 - beta2^k) / (1 - beta1^k) m / (sqrt(v) + epsilon)

    Unlike in torch.optim, epsilon is added before the second moment is corrected (Kingma and Ba 2015, end of section 2; PlaNet,
    Dreamer V1 and V2). With epsilon_corrected it is added after: epsilon sqrt(1 - beta2^k) above (DayDreamer). Source: their
    public code.
    """

    def __init__(self, groups: Sequence[Group], config: OptimiserConfig) -> None:
        self.groups = [group for group in groups if group.parameters]
        self.config = config
        self.steps = 0
        self.first, self.second = (
            [torch.zeros(sum(p.numel() for p in group.parameters), device=group.parameters[0].device) for group in self.groups]
            for _ in range(2))

    @torch.no_grad()
    def step(self) -> Tensor:
        """Apply the gradients in `.grad` and drop them; gradients that are not finite change nothing and stay.

        Returns:
            the norm of all gradients before clipping, a scalar tensor.
        """
        flat = [torch.cat([(p.grad if p.grad is not None else torch.zeros_like(p)).reshape(-1) for p in group.parameters])
                for group in self.groups]
        norms = torch.stack([gradient.norm() for gradient in flat])
        total = norms.norm()
        if torch.isfinite(total):
            self.steps += 1
            for index, gradient in enumerate(flat):
                self._apply(index, gradient, norms[index])
            for group in self.groups:
                for parameter in group.parameters:
                    parameter.grad = None
        return total

    def _apply(self, index: int, gradient: Tensor, norm: Tensor) -> None:
        config, group = self.config, self.groups[index]
        if config.clip:
            gradient.mul_((config.clip / norm).clamp(max=1.0))
        rate = group.rate * self._warmth()
        self._decay(group.parameters, rate)
        first, second = self.first[index], self.second[index]
        first.lerp_(gradient, 1 - config.beta1)
        second.mul_(config.beta2).addcmul_(gradient, gradient, value=1 - config.beta2)
        correction = math.sqrt(1 - config.beta2**self.steps)
        corrected = rate * correction / (1 - config.beta1**self.steps)
        move = first / second.sqrt().add_(config.epsilon * (correction if config.epsilon_corrected else 1.0))
        moves = [part.view(p.shape) for part, p in zip(move.split([p.numel() for p in group.parameters]), group.parameters)]
        parameters: list[Tensor] = list(group.parameters)
        torch._foreach_add_(parameters, moves, alpha=-corrected)

    def _decay(self, parameters: list[nn.Parameter], rate: float) -> None:
        decay = self.config.decay
        if not decay:
            return
        kept = 1 - decay * (rate if self.config.decay_kernels else 1.0)
        chosen: list[Tensor] = [p for p in parameters if p.dim() > 1 or not self.config.decay_kernels]
        if chosen:
            torch._foreach_mul_(chosen, kept)

    def _warmth(self) -> float:
        return min(1.0, self.steps / self.config.warmup) if self.config.warmup else 1.0

    def rate(self) -> float:
        """Learning rate of the first group in the step counted last."""
        return self.groups[0].rate * self._warmth()

    def tensors(self) -> list[Tensor]:
        """What `step` changes beside the parameters."""
        return [*self.first, *self.second]

    def state_dict(self) -> dict[str, Any]:
        moments = {name: {group.name: x.clone() for group, x in zip(self.groups, values)}
                   for name, values in (('first', self.first), ('second', self.second))}
        return {**moments, 'steps': self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, values in (('first', self.first), ('second', self.second)):
            for group, x in zip(self.groups, values):
                x.copy_(torch.as_tensor(state[name][group.name]))
        self.steps = int(state['steps'])
