"""LaProp with adaptive gradient clipping and warm-up, on one flat vector of all parameters.

Sources: LaProp, Ziyin et al. 2020 (normalise the gradient first, then take momentum); AGC, Brock et al. 2021, here per
tensor as in DreamerV3's public code.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from dreamer_learning.training_config import OptimiserConfig


class LaProp:
    """One step, for the gradient g of each tensor p and the step count k = 1, 2, ...:

        g  <- g / max(1, |g| / (agc max(agc_minimum, |p|)))
        v  <- beta2 v + (1 - beta2) g^2
        m  <- beta1 m + (1 - beta1) g / (sqrt(v / (1 - beta2^k)) + epsilon)
        p  <- p - rate m / (1 - beta1^k),   rate = learning_rate min(1, (k - 1) / warmup) fall

    With n = anneal.steps > 0, fall goes linearly from 1 at k - 1 = warmup to anneal.final at k - 1 = n; else it is 1.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], config: OptimiserConfig) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.config = config
        self.steps = 0
        self._sizes = [p.numel() for p in self.parameters]
        self._views = [p.shape for p in self.parameters]
        total, device = sum(self._sizes), self.parameters[0].device
        self.second = torch.zeros(total, device=device)
        self.momentum = torch.zeros(total, device=device)

    @torch.no_grad()
    def step(self) -> Tensor:
        """Apply the gradients in `.grad` and drop them; gradients that are not finite change nothing and stay.

        Returns:
            the norm of all gradients before clipping, a scalar tensor.
        """
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in self.parameters]
        norms = torch.stack(torch._foreach_norm(gradients))
        total = norms.norm()
        if torch.isfinite(total):
            self._apply(gradients, norms)
            for parameter in self.parameters:
                parameter.grad = None
        return total

    def _apply(self, gradients: list[Tensor], norms: Tensor) -> None:
        config = self.config
        limits = torch.stack(torch._foreach_norm(self.parameters)).clamp_(min=config.agc_minimum).mul_(config.agc)
        scales = torch.clamp(norms / limits, min=1.0).reciprocal_()
        torch._foreach_mul_(gradients, list(scales.unbind(0)))
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        self.steps += 1
        self.second.mul_(config.beta2).addcmul_(flat, flat, value=1 - config.beta2)
        corrected = self.second / (1 - config.beta2**self.steps)
        flat.div_(corrected.sqrt_().add_(config.epsilon))
        self.momentum.lerp_(flat, 1 - config.beta1)
        rate = self.rate() / (1 - config.beta1**self.steps)
        moves = [move.view(shape) for move, shape in zip(self.momentum.split(self._sizes), self._views)]
        torch._foreach_add_(self.parameters, moves, alpha=-rate)

    def rate(self) -> float:
        """Learning rate of the step counted last."""
        config, done = self.config, max(self.steps - 1, 0)
        rate = config.learning_rate * (min(1.0, done / config.warmup) if config.warmup else 1.0)
        if config.anneal.steps:
            progress = (done - config.warmup) / (config.anneal.steps - config.warmup)
            rate *= 1 - (1 - config.anneal.final) * min(max(progress, 0.0), 1.0)
        return rate

    def tensors(self) -> list[Tensor]:
        """What `step` changes beside the parameters."""
        return [self.second, self.momentum]

    def state_dict(self) -> dict[str, Tensor | int]:
        return {'second': self.second.clone(), 'momentum': self.momentum.clone(), 'steps': self.steps}

    def load_state_dict(self, state: dict[str, Tensor | int]) -> None:
        self.second.copy_(torch.as_tensor(state['second']))
        self.momentum.copy_(torch.as_tensor(state['momentum']))
        self.steps = int(state['steps'])
