"""Configuration of a world model's and an actor's networks: the blocks networks, dynamics and heads of an agent's file."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

from dreamer_learning.config import Amount, ConfigError, Positive, Range, Share, ShareBelowOne
from dreamer_learning.networks import Style

# Far above any agent; products of them still are sizes that torch can count (footprint.py).
Width = Annotated[int, Range(1, 65536)]
Channels = Annotated[int, Range(1, 1024)]
Layers = Annotated[int, Range(1, 100)]
HeadLayers = Annotated[int, Range(0, 100)]


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Encoder and decoder, and the look of hidden layers everywhere.

    Attributes:
        units: width of every MLP layer (encoder, decoder, heads).
        encoder_layers, decoder_layers: MLP layers for vectors.
        decoder_outscale: of the decoder's last layer for vectors.
        depth: channels of the first convolution are depth * mults[0].
        mults: one convolution (and one halving of the image) each.
        images: pooled, stride-1 convolutions with max-pooling (DreamerV3); strided, 4x4 ones of stride 2 (the others).
        kernel: side of the square convolution kernels where images are pooled, pixels.
        image_blocks: blocks of the pooled decoder's first layer on the deterministic state.
        image_dense: whether the strided decoder begins with a dense layer.
        image_loss: mse, squared error of a sigmoid to x / 255; normal, -log N(x / 255 - 0.5; prediction, 1).
        image_centre: what the encoder takes off pixels in [0, 1].
        image_bits: colour depth that is kept.
        vector_loss: symlog, squared error in symlog space, which the encoder sees too; mse; normal, -log N(x; prediction, 1).
        norm, activation, initialiser: of hidden layers, see networks.Style.
        image_activation: of convolutions; '' = as elsewhere.
    """

    units: Width
    encoder_layers: Layers
    decoder_layers: Layers
    depth: Channels
    mults: tuple[Channels, ...]
    images: Literal['pooled', 'strided'] = 'pooled'
    kernel: Annotated[int, Range(1, 63)] = 5
    image_blocks: Width = 8
    image_dense: bool = True
    image_loss: Literal['mse', 'normal'] = 'mse'
    image_centre: Share = 0.5
    image_bits: Annotated[int, Range(1, 8)] = 8
    vector_loss: Literal['symlog', 'mse', 'normal'] = 'symlog'
    norm: Literal['rms', 'layer', 'none'] = 'rms'
    activation: Literal['silu', 'elu', 'relu'] = 'silu'
    image_activation: Literal['', 'silu', 'elu', 'relu'] = ''
    initialiser: Literal['fan_in', 'glorot'] = 'fan_in'
    decoder_outscale: Amount = 1.0

    @property
    def style(self) -> Style:
        return Style(self.norm, self.activation, self.initialiser)

    @property
    def image_style(self) -> Style:
        return Style(self.norm, self.image_activation or self.activation, self.initialiser)


@dataclasses.dataclass(frozen=True)
class DynamicsConfig:
    """Recurrent state-space model of `deter` units and `stoch` latent variables.

    Attributes:
        cell: block_gru of `blocks` blocks (DreamerV3); gru (Dreamer V1, as Keras has it), norm_gru (V2, DayDreamer),
            unnormed_gru, the same without its LayerNorm; reset_first_gru (PlaNet).
        hidden: units of the layers between deter and latent.
        latent: categorical with `classes` each and a uniform share `unimix`, or gaussian.
        std: how a gaussian's deviation, above `min_std`, comes from the network: softplus(x) or sigmoid2, 2 sigmoid(x / 2).
        prior_layers: hidden layers between deter and the prior.
        initial: state before the first observation, zeros or learned.
    """

    deter: Width
    hidden: Width
    stoch: Width
    classes: Annotated[int, Range(2, 256)] = 32  # the replay stores class numbers in one byte
    blocks: Width = 1
    prior_layers: Layers = 1
    unimix: ShareBelowOne = 0.0
    cell: Literal['block_gru', 'gru', 'norm_gru', 'unnormed_gru', 'reset_first_gru'] = 'block_gru'
    latent: Literal['categorical', 'gaussian'] = 'categorical'
    std: Literal['softplus', 'sigmoid2'] = 'softplus'
    min_std: Positive = 0.1
    initial: Literal['zeros', 'learned'] = 'zeros'

    def __post_init__(self) -> None:
        if self.deter % self.blocks:
            raise ConfigError(f'deter {self.deter}: must be a multiple of blocks ({self.blocks})')

    @property
    def stoch_size(self) -> int:
        """Numbers of the flat latent."""
        return self.stoch * (self.classes if self.latent == 'categorical' else 1)


@dataclasses.dataclass(frozen=True)
class HeadConfig:
    """MLP layers of each head, and what each predicts.

    Attributes:
        reward, critic: twohot, symexp two-hot over `bins`; symlog, squared error in symlog space; normal,
            -log N(x; prediction, 1).
        continuation: whether there is such a head; without one, episodes never end in imagination.
        actor: of continuous actions: bounded, a normal whose mean is a tanh and whose deviation lies between actor_min_std and
            actor_max_std; normal, the same but for how that deviation begins (DayDreamer); tanh_normal (Dreamer V1); truncated, a
            normal cut at [-1, 1] (DreamerV2).
        actor_unimix: uniform share of discrete actions.
        outscale: of the last layers of reward and critic; continue_outscale and actor_outscale of the others, with actor normal
            that of the mean alone.
    """

    reward_layers: HeadLayers
    continue_layers: HeadLayers
    actor_layers: HeadLayers
    critic_layers: HeadLayers
    bins: Annotated[int, Range(3, 65535)] = 255
    reward: Literal['twohot', 'symlog', 'normal'] = 'twohot'
    critic: Literal['twohot', 'symlog', 'normal'] = 'twohot'
    continuation: bool = True
    actor: Literal['bounded', 'normal', 'tanh_normal', 'truncated'] = 'bounded'
    actor_min_std: Positive = 0.1
    actor_max_std: Positive = 1.0
    actor_unimix: ShareBelowOne = 0.0
    actor_outscale: Amount = 0.01
    continue_outscale: Amount = 1.0
    outscale: Amount = 0.0

    def __post_init__(self) -> None:
        if self.bins % 2 == 0:
            raise ConfigError(f'bins {self.bins}: an odd number of at least 3')
        if self.actor_min_std > self.actor_max_std:
            raise ConfigError(f'actor_min_std {self.actor_min_std}: at most actor_max_std ({self.actor_max_std})')
