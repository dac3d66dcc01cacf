"""Encoder and decoder: observation tensors <-> features, vectors by MLP in symlog space, images by convolutions.

Shapes: N = flattened leading dimensions, h w c image height, width, channels.
Source: DreamerV3's public code: stride-1 convolutions with 2x2 max-pooling; nearest-neighbour upsampling before each convolution
of the decoder; the decoder's first layer is block-linear in the deterministic state.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from dreamer_learning.agent_config import DynamicsConfig, NetworkConfig
from dreamer_learning.config import ConfigError
from dreamer_learning.distributions import symlog_mse
from dreamer_learning.networks import MLP, BlockLinear, NormSilu, init_fan_in, symexp, symlog
from dreamer_learning.spaces import TensorSpec


def split_keys(spaces: Mapping[str, TensorSpec]) -> tuple[list[str], list[str]]:
    """Names of vectors and of images, each sorted: the order in which tensors are concatenated."""
    vectors = sorted(name for name, spec in spaces.items() if not spec.image)
    images = sorted(name for name, spec in spaces.items() if spec.image)
    return vectors, images


def image_layout(spaces: Mapping[str, TensorSpec], images: list[str], stages: int) -> tuple[int, int, int]:
    """Height, width and summed channels of the images.

    Raises:
        ConfigError: images of different sizes, or a size that does not halve `stages` times to 3..16 pixels.
    """
    sizes = {spaces[name].shape[:2] for name in images}
    if len(sizes) != 1:
        raise ConfigError(f'images of one agent must have one height and width, not {sorted(sizes)}')
    height, width = sizes.pop()
    for side in (height, width):
        if side % 2**stages or not 3 <= side // 2**stages <= 16:
            allowed = f'a multiple of {2**stages} from {3 * 2**stages} to {16 * 2**stages}'
            raise ConfigError(f'image of {height} x {width} pixels: height and width must be {allowed}')
    return height, width, sum(spaces[name].shape[2] for name in images)


def concatenate_images(observation: Mapping[str, Tensor], images: list[str]) -> Tensor:
    """uint8 (N, h, w, c) each -> float32 (N, h, w, sum of c) in [0, 1]."""
    pixels = torch.cat([observation[name] for name in images], -1) if len(images) > 1 else observation[images[0]]
    return pixels.float().mul_(1 / 255)


class Convolution(nn.Conv2d):
    """Stride 1, same size, fan-in initialisation, zero bias."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding='same')

    def reset_parameters(self) -> None:
        init_fan_in(self.weight, self.in_channels * self.kernel_size[0] * self.kernel_size[1])
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class Encoder(nn.Module):
    """Observation tensors (N, ...) -> tokens (N, outputs)."""

    def __init__(self, spaces: Mapping[str, TensorSpec], config: NetworkConfig) -> None:
        super().__init__()
        self.vectors, self.images = split_keys(spaces)
        self.outputs = 0
        if self.vectors:
            size = sum(spaces[name].size for name in self.vectors)
            self.mlp = MLP(size, config.units, config.encoder_layers)
            self.outputs += config.units
        if self.images:
            height, width, channels = image_layout(spaces, self.images, len(config.mults))
            depths = [channels] + [config.depth * mult for mult in config.mults]
            self.convolutions = nn.ModuleList(Convolution(i, o, config.kernel) for i, o in zip(depths, depths[1:]))
            self.norms = nn.ModuleList(NormSilu(depth) for depth in depths[1:])
            self.outputs += (height >> len(config.mults)) * (width >> len(config.mults)) * depths[-1]

    def forward(self, observation: Mapping[str, Tensor]) -> Tensor:
        parts = []
        if self.vectors:
            flat = [observation[name].flatten(1) for name in self.vectors]
            parts.append(self.mlp(symlog(torch.cat(flat, -1) if len(flat) > 1 else flat[0])))
        if self.images:
            x = concatenate_images(observation, self.images).sub_(0.5).permute(0, 3, 1, 2)
            for convolution, norm in zip(self.convolutions, self.norms):
                x = functional.max_pool2d(convolution(x), 2)
                x = norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            parts.append(x.permute(0, 2, 3, 1).flatten(1))
        return torch.cat(parts, -1) if len(parts) > 1 else parts[0]


class ImageDecoder(nn.Module):
    """State (N, D), (N, C*S) -> images (N, h, w, c) in [0, 1]."""

    def __init__(self, layout: tuple[int, int, int], config: NetworkConfig, dynamics: DynamicsConfig) -> None:
        super().__init__()
        height, width, channels = layout
        stages, self.blocks = len(config.mults), config.image_blocks
        depths = [config.depth * mult for mult in config.mults]
        self.height, self.width, self.depth = height >> stages, width >> stages, depths[-1]
        size = self.height * self.width * self.depth
        self.from_deter = BlockLinear(dynamics.deter, size, self.blocks)
        self.from_stoch = MLP(dynamics.stoch * dynamics.classes, 2 * config.units, 1, size)
        self.norm = NormSilu(self.depth)
        channels_out = [*reversed(depths[:-1]), channels]
        channels_in = [depths[-1], *channels_out[:-1]]
        self.convolutions = nn.ModuleList(Convolution(i, o, config.kernel) for i, o in zip(channels_in, channels_out))
        self.norms = nn.ModuleList(NormSilu(depth) for depth in channels_out[:-1])

    def forward(self, deter: Tensor, stoch: Tensor) -> Tensor:
        grid = (-1, self.blocks, self.height, self.width, self.depth // self.blocks)
        x = self.from_deter(deter).view(grid).permute(0, 2, 3, 1, 4).flatten(3)
        x = self.norm(x + self.from_stoch(stoch).view(x.shape)).permute(0, 3, 1, 2)
        for index, convolution in enumerate(self.convolutions):
            x = convolution(functional.interpolate(x, scale_factor=2, mode='nearest'))
            if index < len(self.norms):
                x = self.norms[index](x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return torch.sigmoid(x).permute(0, 2, 3, 1)


class Decoder(nn.Module):
    """Model state -> observation tensors, and the reconstruction loss."""

    def __init__(self, spaces: Mapping[str, TensorSpec], config: NetworkConfig, dynamics: DynamicsConfig) -> None:
        super().__init__()
        self.spaces = dict(spaces)
        self.vectors, self.images = split_keys(spaces)
        self.deter = dynamics.deter
        if self.vectors:
            self.sizes = [spaces[name].size for name in self.vectors]
            inputs = dynamics.deter + dynamics.stoch * dynamics.classes
            self.mlp = MLP(inputs, config.units, config.decoder_layers, self.sizes)
        if self.images:
            self.channels = [spaces[name].shape[2] for name in self.images]
            self.image = ImageDecoder(image_layout(spaces, self.images, len(config.mults)), config, dynamics)

    def loss(self, features: Tensor, observation: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Reconstruction loss of each kind: features (N, F) -> {'vector': (N), 'image': (N)}, those that exist.

        Vectors: squared error in symlog space, summed. Images: squared error of x / 255, summed over pixels. No factor 1/2.
        """
        losses = {}
        if self.vectors:
            target = torch.cat([observation[name].flatten(1) for name in self.vectors], -1)
            losses['vector'] = symlog_mse(self.mlp(features), target)
        if self.images:
            prediction = self.image(features[..., :self.deter], features[..., self.deter:])
            error = prediction - concatenate_images(observation, self.images)
            losses['image'] = error.square().flatten(1).sum(-1)
        return losses

    def predict(self, features: Tensor) -> dict[str, Tensor]:
        """Features (N, F) -> observation tensors (N, ...), float32; images in [0, 1]."""
        result = {}
        if self.vectors:
            parts = symexp(self.mlp(features)).split(self.sizes, -1)
            result.update({n: x.reshape(-1, *self.spaces[n].shape) for n, x in zip(self.vectors, parts)})
        if self.images:
            pixels = self.image(features[..., :self.deter], features[..., self.deter:])
            result.update(zip(self.images, pixels.split(self.channels, -1)))
        return result
