"""Convolutional encoders and decoders of two generations.

Pooled (DreamerV3's public code): stride-1 convolutions with 2x2 max-pooling; nearest-neighbour upsampling before each convolution
of the decoder, whose first layer is block-linear in the deterministic state. Strided (World Models, PlaNet, Dreamer V1, V2,
DayDreamer): 4x4 convolutions of stride 2 without padding, 64 -> 31 -> 14 -> 6 -> 2 pixels; transposed ones of 5, 5, 6 and 6
pixels back to 64, from a dense layer or (DayDreamer) from the state itself as one pixel.

Shapes: N = flattened leading dimensions, h w c image height, width, channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dreamer_learning.config import ConfigError
from dreamer_learning.model_config import NetworkConfig
from dreamer_learning.networks import MLP, BlockLinear, Linear, Style, init_fan_in, init_glorot

STRIDED_SIDE, STRIDED_KERNEL, STRIDED_GRID = 64, 4, 2
STRIDED_BACK = (5, 5, 6, 6)
"""Kernels of the transposed convolutions that lead from 1 to 64 pixels."""


def check_layout(layout: tuple[int, int, int], config: NetworkConfig) -> None:
    """Raise where images (h, w, c) do not fit the networks.

    Raises:
        ConfigError: pooled, a size that does not halve once per entry of mults to 3..16 pixels; strided, another than 64 x 64 or
            other than four entries of mults.
    """
    height, width, _ = layout
    stages = len(config.mults)
    if config.images == 'strided':
        if (height, width) != (STRIDED_SIDE, STRIDED_SIDE) or stages != len(STRIDED_BACK):
            raise ConfigError(f"image of {height} x {width} pixels and networks: mults of {stages} numbers; networks: images "
                              f"'strided' takes {STRIDED_SIDE} x {STRIDED_SIDE} pixels and {len(STRIDED_BACK)} numbers")
        return
    for side in (height, width):
        if side % 2**stages or not 3 <= side // 2**stages <= 16:
            raise ConfigError(f'image of {height} x {width} pixels; with networks: mults of {stages} numbers, height and width '
                              f'are multiples of {2**stages} from {3 * 2**stages} to {16 * 2**stages}')


def channels_last(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer over the last dimension on the channels of images: (N, c, h, w) -> (N, c, h, w)."""
    return layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Convolution(nn.Conv2d):
    """Stride 1, same size, fan-in initialisation, zero bias."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding='same')

    def reset_parameters(self) -> None:
        init_fan_in(self.weight, self.in_channels * self.kernel_size[0] * self.kernel_size[1])
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class PooledEncoder(nn.Module):
    """Images (N, c, h, w) -> (N, outputs)."""

    def __init__(self, layout: tuple[int, int, int], config: NetworkConfig) -> None:
        super().__init__()
        height, width, channels = layout
        depths = [channels] + [config.depth * mult for mult in config.mults]
        self.convolutions = nn.ModuleList(Convolution(i, o, config.kernel) for i, o in zip(depths, depths[1:]))
        self.norms = nn.ModuleList(config.image_style.after(depth) for depth in depths[1:])
        self.outputs = (height >> len(config.mults)) * (width >> len(config.mults)) * depths[-1]

    def forward(self, x: Tensor) -> Tensor:
        for convolution, norm in zip(self.convolutions, self.norms):
            x = channels_last(norm, functional.max_pool2d(convolution(x), 2))
        return x.permute(0, 2, 3, 1).flatten(1)


class PooledDecoder(nn.Module):
    """State (N, D), (N, C*S) -> images (N, h, w, c), before the sigmoid."""

    def __init__(self, layout: tuple[int, int, int], config: NetworkConfig, deter: int, stoch: int) -> None:
        super().__init__()
        height, width, channels = layout
        stages, self.blocks = len(config.mults), config.image_blocks
        depths = [config.depth * mult for mult in config.mults]
        self.height, self.width, self.depth = height >> stages, width >> stages, depths[-1]
        size = self.height * self.width * self.depth
        self.from_deter = BlockLinear(deter, size, self.blocks)
        self.from_stoch = MLP(stoch, 2 * config.units, 1, size, style=config.style)
        self.norm = config.image_style.after(self.depth)
        channels_out = [*reversed(depths[:-1]), channels]
        channels_in = [depths[-1], *channels_out[:-1]]
        self.convolutions = nn.ModuleList(Convolution(i, o, config.kernel) for i, o in zip(channels_in, channels_out))
        self.norms = nn.ModuleList(config.image_style.after(depth) for depth in channels_out[:-1])

    def forward(self, deter: Tensor, stoch: Tensor) -> Tensor:
        grid = (-1, self.blocks, self.height, self.width, self.depth // self.blocks)
        x = self.from_deter(deter).view(grid).permute(0, 2, 3, 1, 4).flatten(3)
        x = self.norm(x + self.from_stoch(stoch).view(x.shape).to(x.dtype)).permute(0, 3, 1, 2)
        for index, convolution in enumerate(self.convolutions):
            x = convolution(functional.interpolate(x, scale_factor=2, mode='nearest'))
            if index < len(self.norms):
                x = channels_last(self.norms[index], x)
        return x.permute(0, 2, 3, 1)


class StridedConvolution(nn.Module):
    """Convolution of stride 2, or its transpose, and what follows it. It has a bias even before LayerNorm (DayDreamer's code)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, style: Style, transposed: bool = False,
                 last: bool = False) -> None:
        super().__init__()
        kind = nn.ConvTranspose2d if transposed else nn.Conv2d
        self.convolution = kind(inputs, outputs, kernel, 2)
        area = kernel * kernel
        if style.initialiser == 'glorot':
            init_glorot(self.convolution.weight, inputs * area, outputs * area)
        else:
            init_fan_in(self.convolution.weight, inputs * area)
        assert self.convolution.bias is not None
        nn.init.zeros_(self.convolution.bias)
        self.after = None if last else style.after(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.convolution(x)
        return x if self.after is None else channels_last(self.after, x)


class StridedEncoder(nn.Module):
    """Images (N, c, 64, 64) -> (N, outputs)."""

    def __init__(self, layout: tuple[int, int, int], config: NetworkConfig) -> None:
        super().__init__()
        depths = [layout[2]] + [config.depth * mult for mult in config.mults]
        style = config.image_style
        self.layers = nn.Sequential(*(StridedConvolution(i, o, STRIDED_KERNEL, style) for i, o in zip(depths, depths[1:])))
        self.outputs = STRIDED_GRID**2 * depths[-1]

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).permute(0, 2, 3, 1).flatten(1)


class StridedDecoder(nn.Module):
    """State (N, D), (N, C*S) -> images (N, 64, 64, c), without an output activation."""

    def __init__(self, layout: tuple[int, int, int], config: NetworkConfig, deter: int, stoch: int) -> None:
        super().__init__()
        style = config.image_style
        inner = [config.depth * mult for mult in reversed(config.mults[:-1])]
        size = STRIDED_GRID**2 * config.depth * config.mults[-1]
        self.first = Linear(deter + stoch, size, 1.0, style) if config.image_dense else nn.Identity()
        depths = [size if config.image_dense else deter + stoch, *inner, layout[2]]
        ends = [False] * len(inner) + [True]
        self.layers = nn.Sequential(*(
            StridedConvolution(i, o, kernel, style, transposed=True, last=last)
            for i, o, kernel, last in zip(depths, depths[1:], STRIDED_BACK, ends)
        ))

    def forward(self, deter: Tensor, stoch: Tensor) -> Tensor:
        x = self.first(torch.cat([deter, stoch], -1))
        return self.layers(x[..., None, None]).permute(0, 2, 3, 1)
