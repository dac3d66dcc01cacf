"""Building blocks: symlog, linear and block-linear layers, normalisation, MLP.

Shapes: ... any leading dimensions, I inputs, O outputs, G blocks.
Sources: DreamerV3 (Hafner et al. 2025) and its public code: truncated-normal fan-in initialisation, RMSNorm with eps 1e-4, SiLU.
The agents before it: Glorot initialisation (Keras' default), ELU or ReLU, no normalisation or LayerNorm with eps 1e-3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

NORM_EPSILON = 1e-4
LAYER_NORM_EPSILON = 1e-3
# A normal distribution cut at two standard deviations has the standard deviation 0.8796; its inverse restores unit variance.
TRUNCATION_CORRECTION = 1.1368


def symlog(x: Tensor) -> Tensor:
    """sign(x) ln(1 + |x|)."""
    return torch.sign(x) * torch.log1p(torch.abs(x))


def symexp(x: Tensor) -> Tensor:
    """The inverse of symlog: sign(x) (exp(|x|) - 1)."""
    return torch.sign(x) * torch.expm1(torch.abs(x))


def widen(x: Tensor) -> Tensor:
    """Half precision to float32; anything else as it is. Losses, distributions and norms are not computed in half precision."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


class Style(NamedTuple):
    """How hidden layers are made: what follows each linear layer, and how its weights begin.

    A linear layer before LayerNorm has no bias: the normalisation brings its own.
    """

    norm: Literal['rms', 'layer', 'none'] = 'rms'
    activation: Literal['silu', 'elu', 'relu'] = 'silu'
    initialiser: Literal['fan_in', 'glorot'] = 'fan_in'

    @property
    def bias(self) -> bool:
        return self.norm != 'layer'

    def after(self, size: int) -> nn.Module:
        """Normalisation and activation behind a linear layer of `size` outputs."""
        return NormSilu(size) if self[:2] == ('rms', 'silu') else NormActivation(size, self.norm, self.activation)


V3 = Style()
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {'silu': functional.silu, 'elu': functional.elu, 'relu': functional.relu}


def init_glorot(weight: Tensor, fan_in: int, fan_out: int, scale: float = 1.0) -> None:
    """Fill in place from a uniform distribution of variance 2 scale^2 / (fan_in + fan_out) (Glorot and Bengio 2010)."""
    limit = scale * math.sqrt(6 / (fan_in + fan_out))
    with torch.no_grad():
        weight.uniform_(-limit, limit)


def init_fan_in(weight: Tensor, fan_in: int, scale: float = 1.0) -> None:
    """Fill in place from a truncated normal of standard deviation scale / sqrt(fan_in)."""
    with torch.no_grad():
        if scale == 0.0:
            weight.zero_()
        else:
            nn.init.trunc_normal_(weight, 0.0, 1.0, -2.0, 2.0)
            weight.mul_(scale * TRUNCATION_CORRECTION / math.sqrt(fan_in))


class Linear(nn.Linear):
    """Affine layer (..., I) -> (..., O) with zero bias; `scale` 0 makes it start at exactly zero."""

    def __init__(self, inputs: int, outputs: int, scale: float = 1.0, style: Style = V3, bias: bool = True) -> None:
        self._scale, self._style = scale, style
        super().__init__(inputs, outputs, bias)

    def reset_parameters(self) -> None:
        if self._style.initialiser == 'fan_in':
            init_fan_in(self.weight, self.in_features, self._scale)
        else:
            init_glorot(self.weight, self.in_features, self.out_features, self._scale)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class SplitLinear(nn.Module):
    """Affine layers on one input, their outputs side by side: (..., I) -> (..., sum of sizes), in one matrix product.

    Each has parameters of its own, as in the public code: gradients are clipped by the norm of one tensor.
    """

    def __init__(self, inputs: int, sizes: Sequence[int], scale: float | Sequence[float] = 1.0, style: Style = V3) -> None:
        super().__init__()
        scales = scale if isinstance(scale, Sequence) else [scale] * len(sizes)
        self.layers = nn.ModuleList(Linear(inputs, size, scale, style) for size, scale in zip(sizes, scales, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        weights, biases = ([getattr(layer, name) for layer in self.layers] for name in ('weight', 'bias'))
        return functional.linear(x, torch.cat(weights), torch.cat(biases))


class BlockLinear(nn.Module):
    """Affine layer with a block-diagonal matrix: block g of the output sees only block g of the input.

    weight (G, I/G, O/G), bias (O). The fan-in is that of the whole layer, I, as in the public code.
    """

    def __init__(self, inputs: int, outputs: int, blocks: int) -> None:
        super().__init__()
        if inputs % blocks or outputs % blocks:
            raise ValueError(f'{inputs} inputs and {outputs} outputs do not divide into {blocks} blocks')
        self.blocks = blocks
        self.weight = nn.Parameter(torch.empty(blocks, inputs // blocks, outputs // blocks))
        self.bias = nn.Parameter(torch.zeros(outputs))
        init_fan_in(self.weight, inputs)

    def forward(self, x: Tensor) -> Tensor:
        blocks = x.reshape(-1, self.blocks, self.weight.shape[1]).transpose(0, 1)
        y = torch.bmm(blocks, self.weight).transpose(0, 1)
        return (y.reshape(-1, self.bias.shape[0]) + self.bias.to(y.dtype)).reshape(*x.shape[:-1], -1)


def norm_silu_parts(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """n = RMSNorm(x) without scale, r = (mean(x^2) + eps)^(-1/2) (..., 1), and SiLU(n * weight); no gradient."""
    r = norm_factor(x)
    n = x * r
    return n.to(x.dtype), r, functional.silu(n * weight, inplace=True).to(x.dtype)


def norm_silu_backward(grad: Tensor, n: Tensor, r: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of SiLU(n * weight) to x and to y = n * weight.

    dx = r (dn - n mean(dn n)) with dn = dy weight.
    """
    n = n.to(weight.dtype)
    dy = torch.ops.aten.silu_backward(grad.to(weight.dtype), n * weight)
    dn = dy * weight
    with torch.autocast(n.device.type, enabled=False):
        mean = torch.linalg.vecdot(dn, n).unsqueeze(-1).mul_(-1.0 / n.shape[-1])
    return dn.addcmul_(n, mean).mul_(r).to(grad.dtype), dy


class _NormSilu(torch.autograd.Function):
    """SiLU(RMSNorm(x)) with a backward pass of its own: a third of the memory traffic of the composed operations."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        n, r, y = norm_silu_parts(x, weight)
        ctx.save_for_backward(n, r, weight)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        n, r, weight = ctx.saved_tensors
        dx, dy = norm_silu_backward(grads[0], n, r, weight)
        return dx, dy.mul_(n).flatten(0, dy.dim() - weight.dim() - 1).sum(0)


def norm_factor(x: Tensor) -> Tensor:
    """(mean(x^2) + eps)^(-1/2) over the last dimension, kept, at least float32: (..., I) -> (..., 1)."""
    norm = torch.linalg.vector_norm(widen(x), dim=-1, keepdim=True)
    return (norm * norm).mul_(1.0 / x.shape[-1]).add_(NORM_EPSILON).rsqrt_()


def norm_silu(x: Tensor, weight: Tensor) -> Tensor:
    """SiLU(RMSNorm(x) * weight) over the last dimension; weight (I) or (K, I) for x (..., K, I)."""
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        return _NormSilu.apply(x, weight)
    return functional.silu((x * norm_factor(x)).mul_(weight), inplace=True).to(x.dtype)


class NormSilu(nn.Module):
    """RMSNorm with a learned scale (no shift), then SiLU."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return norm_silu(x, self.weight)


class NormActivation(nn.Module):
    """Any other pair of normalisation and activation over the last dimension."""

    def __init__(self, size: int, norm: str, activation: str) -> None:
        super().__init__()
        self.size, self.norm = size, norm
        self._activation: Callable[[Tensor], Tensor] = ACTIVATIONS[activation]
        self.weight = nn.Parameter(torch.ones(size)) if norm != 'none' else None
        self.bias = nn.Parameter(torch.zeros(size)) if norm == 'layer' else None

    def forward(self, x: Tensor) -> Tensor:
        if self.norm == 'layer':
            x = functional.layer_norm(x, (self.size,), self.weight, self.bias, LAYER_NORM_EPSILON)
        elif self.norm == 'rms':
            assert self.weight is not None
            x = (x * norm_factor(x) * self.weight).to(x.dtype)
        return self._activation(x)


class MLP(nn.Module):
    """`layers` times (Linear, normalisation, activation), then, if `outputs` is given, one Linear: (..., I) -> (..., O).

    Several `outputs` are Linear layers side by side, see SplitLinear; then `outscale` may be one for each.

    Args:
        wide_output: the last layer computes in float32 also under autocast.
    """

    def __init__(self, inputs: int, units: int, layers: int, outputs: int | Sequence[int] = 0,
                 outscale: float | Sequence[float] = 1.0, style: Style = V3, wide_output: bool = False) -> None:
        super().__init__()
        self.wide_output = wide_output
        sizes = [inputs] + [units] * layers
        linears = [Linear(i, o, 1.0, style, style.bias) for i, o in zip(sizes, sizes[1:])]
        norms = [style.after(units) for _ in linears]
        self.layers, self.norms = nn.ModuleList(linears), nn.ModuleList(norms)
        self.out = _output(sizes[-1], outputs, outscale, style)
        self._stages = list(zip(linears, norms))

    def forward(self, x: Tensor) -> Tensor:
        for layer, norm in self._stages:
            x = norm(functional.linear(x, layer.weight, layer.bias))
        if self.out is None:
            return x
        if self.wide_output:
            with torch.autocast(x.device.type, enabled=False):
                return self.out(widen(x))
        return widen(self.out(x))


def _output(inputs: int, outputs: int | Sequence[int], scale: float | Sequence[float], style: Style) -> nn.Module | None:
    if isinstance(outputs, int):
        assert not isinstance(scale, Sequence)
        return Linear(inputs, outputs, scale, style) if outputs else None
    return SplitLinear(inputs, outputs, scale, style)
