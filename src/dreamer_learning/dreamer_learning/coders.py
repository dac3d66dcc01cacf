"""Encoder and decoder: observation tensors <-> features, vectors by MLP, images by convolutions (image_networks.py).

Shapes: N = flattened leading dimensions, h w c image height, width, channels.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dreamer_learning.config import ConfigError
from dreamer_learning.distributions import normal_loss, squared_error, symlog_mse
from dreamer_learning.image_networks import PooledDecoder, PooledEncoder, StridedDecoder, StridedEncoder, check_layout
from dreamer_learning.model_config import NetworkConfig
from dreamer_learning.networks import MLP, symexp, symlog, widen
from dreamer_learning.spaces import TensorSpec


def split_keys(spaces: Mapping[str, TensorSpec]) -> tuple[list[str], list[str]]:
    """Names of vectors and of images, each sorted: the order in which tensors are concatenated."""
    vectors = sorted(name for name, spec in spaces.items() if not spec.image)
    images = sorted(name for name, spec in spaces.items() if spec.image)
    return vectors, images


def image_layout(spaces: Mapping[str, TensorSpec], images: list[str], config: NetworkConfig) -> tuple[int, int, int]:
    """Height, width and summed channels of the images.

    Raises:
        ConfigError: images of different sizes, or of a size that the networks do not take; it names the observations.
    """
    sizes = {spaces[name].shape[:2] for name in images}
    if len(sizes) != 1:
        shapes = ', '.join(f'{name} {list(spaces[name].shape)}' for name in images)
        raise ConfigError(f'observation: {shapes}: images of one task must have one height and width')
    height, width = sizes.pop()
    layout = height, width, sum(spaces[name].shape[2] for name in images)
    try:
        check_layout(layout, config)
    except ConfigError as error:
        raise ConfigError(f'observation: {", ".join(images)}: {error}') from None
    return layout


def concatenate_images(observation: Mapping[str, Tensor], images: list[str], bits: int = 8) -> Tensor:
    """uint8 (N, h, w, c) each -> float32 (N, h, w, sum of c) in [0, 1].

    Args:
        bits: colour depth that is kept; of fewer than 8, the middle of each step of brightness (PlaNet adds noise there).
    """
    pixels = torch.cat([observation[name] for name in images], -1) if len(images) > 1 else observation[images[0]]
    if bits < 8:
        return torch.div(pixels, 2**(8 - bits), rounding_mode='floor').float().add_(0.5).mul_(2.0**-bits)
    return pixels.float().mul_(1 / 255)


class Vectors:
    """The vectors of an observation side by side, as networks see them, M numbers: angles as their sine and cosine.

    of each vector:   a[0] .. a[k-1]  x[k] .. x[n-1]   ->   sin a[0] .. sin a[k-1]  cos a[0] .. cos a[k-1]  x[k] .. x[n-1]

    Attributes:
        names: of the vectors, in their order.
        sizes: of each one's part.
    """

    def __init__(self, spaces: Mapping[str, TensorSpec]) -> None:
        self.names, _ = split_keys(spaces)
        self._specs = [spaces[name] for name in self.names]
        self.sizes = [spec.size + spec.angles for spec in self._specs]

    def join(self, observation: Mapping[str, Tensor]) -> Tensor:
        """(N, ...) each -> (N, M)."""
        parts = []
        for name, spec in zip(self.names, self._specs):
            x = observation[name].flatten(1)
            if spec.angles:
                angles = x[:, :spec.angles]
                parts += [angles.sin(), angles.cos()]
                x = x[:, spec.angles:]
            parts.append(x)
        return torch.cat(parts, -1) if len(parts) > 1 else parts[0]

    def split(self, joined: Tensor) -> dict[str, Tensor]:
        """(N, M) -> (N, ...) each, angles in +-pi."""
        result = {}
        for name, spec, x in zip(self.names, self._specs, joined.split(self.sizes, -1)):
            if spec.angles:
                sine, cosine, rest = x.split([spec.angles, spec.angles, spec.size - spec.angles], -1)
                x = torch.cat([torch.atan2(sine, cosine), rest], -1)
            result[name] = x.reshape(-1, *spec.shape)
        return result


class Encoder(nn.Module):
    """Observation tensors (N, ...) -> tokens (N, outputs)."""

    def __init__(self, spaces: Mapping[str, TensorSpec], config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.vectors, (_, self.images) = Vectors(spaces), split_keys(spaces)
        self.outputs = 0
        if self.vectors.names:
            self.mlp = MLP(sum(self.vectors.sizes), config.units, config.encoder_layers, style=config.style)
            self.outputs += config.units
        if self.images:
            kind = PooledEncoder if config.images == 'pooled' else StridedEncoder
            self.image = kind(image_layout(spaces, self.images, config), config)
            self.outputs += self.image.outputs

    def forward(self, observation: Mapping[str, Tensor]) -> Tensor:
        parts = []
        if self.vectors.names:
            x = self.vectors.join(observation)
            parts.append(self.mlp(symlog(x) if self.config.vector_loss == 'symlog' else x))
        if self.images:
            pixels = concatenate_images(observation, self.images, self.config.image_bits)
            parts.append(self.image(pixels.sub_(self.config.image_centre).permute(0, 3, 1, 2)))
        return torch.cat(parts, -1) if len(parts) > 1 else parts[0]


class Decoder(nn.Module):
    """Model state -> observation tensors, and the reconstruction loss."""

    def __init__(self, spaces: Mapping[str, TensorSpec], config: NetworkConfig, deter: int, stoch: int) -> None:
        """deter, stoch: sizes of the two parts of the state."""
        super().__init__()
        self.config, self.deter = config, deter
        self.vectors, (_, self.images) = Vectors(spaces), split_keys(spaces)
        if self.vectors.names:
            sizes = self.vectors.sizes
            self.mlp = MLP(deter + stoch, config.units, config.decoder_layers, sizes, config.decoder_outscale, config.style)
        if self.images:
            self.channels = [spaces[name].shape[2] for name in self.images]
            kind = PooledDecoder if config.images == 'pooled' else StridedDecoder
            self.image = kind(image_layout(spaces, self.images, config), config, deter, stoch)

    def loss(self, features: Tensor, observation: Mapping[str, Tensor], image_gradient: bool = True) -> dict[str, Tensor]:
        """Reconstruction loss of each kind: features (N, F) -> {'vector': (N), 'image': (N)}, those that exist.

        Args:
            image_gradient: whether that of images goes on into the features.
        """
        losses = {}
        if self.vectors.names:
            kind = {'symlog': symlog_mse, 'mse': squared_error, 'normal': normal_loss}[self.config.vector_loss]
            losses['vector'] = kind(self.mlp(features), self.vectors.join(observation))
        if self.images:
            target = concatenate_images(observation, self.images, self.config.image_bits)
            losses['image'] = self._image_loss(self._pixels(features if image_gradient else features.detach()), target)
        return losses

    def _pixels(self, features: Tensor) -> Tensor:
        return widen(self.image(features[..., :self.deter], features[..., self.deter:]))

    def _image_loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.config.image_loss == 'mse':
            return squared_error(torch.sigmoid(prediction).flatten(1), target.flatten(1))
        return normal_loss(prediction.flatten(1), target.sub_(0.5).flatten(1))

    def predict(self, features: Tensor) -> dict[str, Tensor]:
        """Features (N, F) -> observation tensors (N, ...), float32; images in [0, 1]."""
        result = {}
        if self.vectors.names:
            x = self.mlp(features)
            result.update(self.vectors.split(symexp(x) if self.config.vector_loss == 'symlog' else x))
        if self.images:
            pixels = self._pixels(features)
            pixels = torch.sigmoid(pixels) if self.config.image_loss == 'mse' else pixels.add(0.5).clamp(0, 1)
            result.update(zip(self.images, pixels.split(self.channels, -1)))
        return result
