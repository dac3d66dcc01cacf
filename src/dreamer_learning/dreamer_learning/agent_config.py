"""The configuration of an agent: config/agents/<agent>.yaml, one block of defaults and one block a size."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from dreamer_learning.config import ConfigError, build, load_yaml, merge, nearest
from dreamer_learning.spaces import Task


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Encoder and decoder.

    Attributes:
        units: width of every MLP layer (encoder, decoder, heads).
        encoder_layers, decoder_layers: MLP layers for vectors.
        depth: channels of the first convolution are depth * mults[0].
        mults: one convolution (and one halving of the image) each.
        kernel: side of the square convolution kernels, pixels.
        image_blocks: blocks of the decoder's first layer on the deterministic state.
    """

    units: int
    encoder_layers: int
    decoder_layers: int
    depth: int
    mults: tuple[int, ...]
    kernel: int
    image_blocks: int


@dataclasses.dataclass(frozen=True)
class DynamicsConfig:
    """Recurrent state-space model: `stoch` categorical variables of `classes`, block-GRU of `deter` units."""

    deter: int
    hidden: int
    stoch: int
    classes: int
    blocks: int
    prior_layers: int
    unimix: float

    def __post_init__(self) -> None:
        if self.deter % self.blocks:
            raise ConfigError(f'deter {self.deter}: must be a multiple of blocks ({self.blocks})')
        if not 2 <= self.classes <= 256:
            raise ConfigError(f'classes {self.classes}: 2 to 256 (the replay stores class numbers in one byte)')
        if not 0 <= self.unimix < 1:
            raise ConfigError(f'unimix {self.unimix}: at least 0 and below 1')


@dataclasses.dataclass(frozen=True)
class HeadConfig:
    """MLP layers of each head, bins of reward and critic, and the actor's distribution."""

    reward_layers: int
    continue_layers: int
    actor_layers: int
    critic_layers: int
    bins: int
    actor_min_std: float
    actor_max_std: float
    actor_unimix: float
    actor_outscale: float

    def __post_init__(self) -> None:
        if self.bins < 3 or self.bins % 2 == 0:
            raise ConfigError(f'bins {self.bins}: an odd number of at least 3')
        if not 0 < self.actor_min_std <= self.actor_max_std:
            raise ConfigError(f'actor_min_std {self.actor_min_std}: above 0 and at most actor_max_std')


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Scale of each loss and the free nats of the KL terms."""

    reconstruction: float
    reward: float
    continuation: float
    dynamics: float
    representation: float
    actor: float
    critic: float
    replay_critic: float
    free_nats: float


@dataclasses.dataclass(frozen=True)
class BehaviourConfig:
    """Learning in imagination.

    Attributes:
        horizon: imagined steps H.
        imagination_starts: how many of the B*T states imagination starts from; 0 = all.
        discount_horizon: 1 / (1 - discount), steps.
        trace: lambda of the lambda-return.
        entropy: scale of the actor's entropy bonus; with an entropy_target, where it starts.
        entropy_target: share of the entropy that the actor's bounds allow, at which adapting its scale holds each dimension of
            the action; 0 = a fixed scale.
        entropy_rate: change of the adapted scales per update.
        actor_gradient: reinforce, or dynamics: of the return through the imagined states (continuous actions only).
        discount_in_target: the continuation head learns the probability times the discount; False = the probability alone.
        value_centering: rate per update of the average reward whose value the critic leaves out; 0 = it leaves out nothing.
        slow_rate: rate at which the slow critic follows the critic, per update.
        slow_regulariser: scale of the loss that keeps the critic near the slow critic.
        return_rate, return_limit, return_low, return_high: return normalisation by percentiles; the rate per update.
        evaluation: action in evaluation mode, the distribution's mode or a sample.
        advantage_normalisation: mean_std shifts and scales the actor's advantages by their mean and standard
            deviation, averaged at `return_rate`.
    """

    horizon: int
    imagination_starts: int
    discount_horizon: float
    trace: float
    entropy: float
    slow_rate: float
    slow_regulariser: float
    return_rate: float
    return_limit: float
    return_low: float
    return_high: float
    evaluation: Literal['mode', 'sample']
    advantage_normalisation: Literal['none', 'mean_std'] = 'none'
    entropy_target: float = 0.0
    entropy_rate: float = 0.1
    actor_gradient: Literal['reinforce', 'dynamics'] = 'reinforce'
    discount_in_target: bool = True
    value_centering: float = 0.0

    def __post_init__(self) -> None:
        if self.horizon < 1 or self.imagination_starts < 0:
            raise ConfigError('horizon is at least 1 and imagination_starts at least 0')
        if not self.discount_horizon > 1:
            raise ConfigError(f'discount_horizon {self.discount_horizon}: above 1')
        if not 0 <= self.entropy_target < 1:
            raise ConfigError(f'entropy_target {self.entropy_target}: 0 (off) or a share below 1')
        if not 0 <= self.value_centering <= 1:
            raise ConfigError(f'value_centering {self.value_centering}: from 0 (off) to 1')


@dataclasses.dataclass(frozen=True)
class AnnealConfig:
    """Linear fall of the learning rate after the warm-up: at update `steps` it is `final` times its full value, and stays so.

    steps 0 = the rate does not fall.
    """

    steps: int = 0
    final: float = 0.1

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ConfigError(f'steps {self.steps}: at least 0')
        if not 0 <= self.final <= 1:
            raise ConfigError(f'final {self.final}: from 0 to 1')


@dataclasses.dataclass(frozen=True)
class OptimiserConfig:
    """LaProp with adaptive gradient clipping, a linear warm-up and, if asked for, a fall of the learning rate."""

    learning_rate: float
    warmup: int
    agc: float
    agc_minimum: float
    beta1: float
    beta2: float
    epsilon: float
    anneal: AnnealConfig = AnnealConfig()

    def __post_init__(self) -> None:
        if 0 < self.anneal.steps <= self.warmup:
            raise ConfigError(f'anneal: steps {self.anneal.steps}: 0, or above warmup ({self.warmup})')


@dataclasses.dataclass(frozen=True)
class ReplayConfig:
    """Replay memory and the batches drawn from it: `batch` windows of `length` steps, from `start` stored steps on."""

    capacity: int
    batch: int
    length: int
    start: int
    online: bool

    def __post_init__(self) -> None:
        if self.batch < 1 or self.length < 2:
            raise ConfigError('batch is at least 1 and length at least 2')
        if self.capacity <= self.length:
            raise ConfigError(f'capacity {self.capacity}: must be above length ({self.length})')


@dataclasses.dataclass(frozen=True)
class AgentConfig:
    """Everything about an agent that is not the task."""

    agent: str
    size: str
    networks: NetworkConfig
    dynamics: DynamicsConfig
    heads: HeadConfig
    loss: LossConfig
    behaviour: BehaviourConfig
    optimiser: OptimiserConfig
    replay: ReplayConfig

    def hash(self, task: Task, robot: Mapping[str, Any] | None = None) -> str:
        """16 hexadecimal digits that agree exactly when parameters mean the same.

        They cover the agent, its networks, the task's spaces and control rate, and what actions mean on the robot.

        Args:
            robot: see robots.robot_identity; None = that of the task.
        """
        description = task.describe()
        parts = {
            'agent': self.agent,
            'networks': dataclasses.asdict(self.networks),
            'dynamics': dataclasses.asdict(self.dynamics),
            'heads': dataclasses.asdict(self.heads),
            'task': description if robot is None else {**description, 'robot': dict(robot)},
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def describe(self) -> dict[str, Any]:
        """Plain data of every value."""
        return dataclasses.asdict(self)


def load_agent(config_dir: Path, agent: str, size: str, overrides: Mapping[str, Any] | None = None) -> AgentConfig:
    """The agent config/agents/<agent>.yaml in one of its sizes.

    Args:
        config_dir: folder that holds agents/.
        agent: file name without .yaml.
        size: key under `sizes`.
        overrides: stacked last, for example {'replay': {'batch': 8}}.

    Raises:
        ConfigError: unknown agent, size, key or value.
    """
    path = Path(config_dir) / 'agents' / f'{agent}.yaml'
    content = load_yaml(path)
    for key in content:
        if key not in ('defaults', 'sizes'):
            raise ConfigError(f"{path}: unknown key '{key}'; {nearest(key, ('defaults', 'sizes'))}")
    defaults, sizes = (_mapping(path, content, key) for key in ('defaults', 'sizes'))
    if size not in sizes:
        raise ConfigError(f"{path}: sizes: unknown size '{size}'; {nearest(size, sizes)}")
    block = _mapping(path, sizes, size)
    values = merge(merge(defaults, block), overrides or {})
    for name in ('agent', 'size'):
        if name in values:
            raise ConfigError(f"{path}: key '{name}' is fixed by the file and the size")
    return build(AgentConfig, {**values, 'agent': agent, 'size': size}, str(path))


def _mapping(path: Path, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}: '{key}' must be a mapping, not {value!r}")
    return value
