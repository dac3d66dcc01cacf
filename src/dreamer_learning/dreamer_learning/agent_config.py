"""The configuration of an agent: config/agents/<agent>.yaml, defaults, one block a size, and named blocks that stack."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dreamer_learning.coders import image_layout, split_keys
from dreamer_learning.config import ConfigError, build, load_yaml, merge, nearest
from dreamer_learning.model_config import DynamicsConfig, HeadConfig, NetworkConfig
from dreamer_learning.spaces import Task
from dreamer_learning.training_config import BehaviourConfig, LossConfig, OptimiserConfig, ReplayConfig


@dataclasses.dataclass(frozen=True)
class LatentSpec:
    """Stored latent of one step: deter (D) float16 and stoch (S) uint8 class numbers. Sizes of 0: nothing is stored."""

    deter: int
    stoch: int

    def __bool__(self) -> bool:
        return self.deter > 0


@dataclasses.dataclass(frozen=True)
class AgentConfig:
    """Everything about an agent that is not the task."""

    agent: str
    size: str
    blocks: tuple[str, ...]
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
        description, networks = task.describe(), dataclasses.asdict(self.networks)
        del networks['decoder_outscale']  # how parameters begin, not what they mean
        # Only where there is one: heads of raw rewards mean what they always meant.
        transform = self.loss.reward_transform
        parts = {
            **({'reward_transform': transform} if transform != 'none' else {}),
            'agent': self.agent,
            'networks': networks,
            'dynamics': dataclasses.asdict(self.dynamics),
            'heads': dataclasses.asdict(self.heads),
            'task': description if robot is None else {**description, 'robot': dict(robot)},
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def __post_init__(self) -> None:
        """Combinations that no part can see alone."""
        dynamics, replay = self.dynamics, self.replay
        if replay.context and (dynamics.latent == 'gaussian' or dynamics.initial == 'learned'):
            raise ConfigError('replay: context: only for categorical latents and an initial state of zeros')
        if self.networks.norm == 'rms' and dynamics.cell != 'block_gru':
            raise ConfigError(f"dynamics: cell '{dynamics.cell}' does not go with networks: norm 'rms'; allowed: layer, none")
        if self.behaviour.method == 'value_gradient' and self.loss.replay_critic:
            raise ConfigError("loss: replay_critic: 0 with behaviour: method 'value_gradient'")

    def check_task(self, task: Task) -> None:
        """Combinations with what the task sees and does.

        Raises:
            ConfigError: the behaviour needs the other kind of actions, or the networks do not take its images.
        """
        try:
            self._check_actions(task.action.discrete)
            _, images = split_keys(task.observation)
            if images:
                self._check_image_blocks()
                image_layout(task.observation, images, self.networks)
        except ConfigError as error:
            raise ConfigError(f'{title({**self.names(), "task": task.name})}: {error}') from None

    def _check_image_blocks(self) -> None:
        networks, deter = self.networks, self.dynamics.deter
        if networks.images == 'pooled' and deter % networks.image_blocks:
            raise ConfigError(f'networks: image_blocks {networks.image_blocks}: must divide dynamics: deter ({deter})')

    def _check_actions(self, discrete: bool) -> None:
        behaviour = self.behaviour
        if behaviour.method == 'planning' and discrete:
            raise ConfigError("behaviour: method 'planning' needs continuous actions; for discrete ones: actor_critic or "
                              'value_gradient')
        if behaviour.exploration == 'epsilon' and not discrete:
            raise ConfigError("behaviour: exploration 'epsilon' needs discrete actions; for continuous ones: sample or noise")
        if behaviour.exploration == 'noise' and discrete:
            raise ConfigError("behaviour: exploration 'noise' needs continuous actions; for discrete ones: "
                              'sample, or epsilon (block `discrete` of dreamer_v1)')

    @property
    def latent_spec(self) -> LatentSpec:
        """What the replay keeps of the state of each step."""
        kept = self.replay.context
        return LatentSpec(self.dynamics.deter, self.dynamics.stoch) if kept else LatentSpec(0, 0)

    def names(self) -> dict[str, str]:
        """What load_agent finds it by: agent, size, and blocks where there are some, separated by commas."""
        return {'agent': self.agent, 'size': self.size, **({'blocks': ','.join(self.blocks)} if self.blocks else {})}

    def describe(self) -> dict[str, Any]:
        """Plain data of every value."""
        return dataclasses.asdict(self)


def load_agent(config_dir: Path, agent: str, size: str, overrides: Mapping[str, Any] | None = None,
               blocks: Iterable[str] = ()) -> AgentConfig:
    """The agent config/agents/<agent>.yaml in one of its sizes.

    Args:
        config_dir: folder that holds agents/.
        agent: file name without .yaml.
        size: key under `sizes`.
        overrides: stacked last, for example {'replay': {'batch': 8}}.
        blocks: keys under `blocks`, stacked in this order on top of the size.

    Raises:
        ConfigError: unknown agent, size, block, key or value.
    """
    blocks = tuple(blocks)
    path = Path(config_dir) / 'agents' / f'{agent}.yaml'
    content = {'blocks': {}, **load_yaml(path)}
    for key in content:
        if key not in SECTIONS:
            raise ConfigError(f"{path}: unknown key '{key}'; {nearest(key, SECTIONS)}")
    values: Mapping[str, Any] = _mapping(path, content, 'defaults')
    chosen = [('sizes', size), *(('blocks', block) for block in blocks)]
    for section, name in chosen:
        named = _mapping(path, content, section)
        if name not in named:
            raise ConfigError(f"{path}: {section}: unknown {section[:-1]} '{name}'; {nearest(name, named)}")
        values = merge(values, _mapping(path, named, name))
    values = merge(values, overrides or {})
    for name in ('agent', 'size', 'blocks'):
        if name in values:
            raise ConfigError(f"{path}: key '{name}' is fixed by the file, the size and the blocks")
    return build(AgentConfig, {**values, 'agent': agent, 'size': size, 'blocks': list(blocks)}, str(path))


def title(names: Mapping[str, str] | None) -> str:
    """Names of an agent and its task in words: agent dreamer_v3, size cpu, task a1_walk.

    Args:
        names: see Agent.names; None = not known.
    """
    return ', '.join(f'{key} {name}' for key, name in names.items() if name) if names else 'agent and task not known'


def block_names(text: str) -> tuple[str, ...]:
    """'a,b' -> ('a', 'b'): how parameters and launch arguments name blocks; '' = none."""
    return tuple(name.strip() for name in text.split(',') if name.strip())


SECTIONS = ('defaults', 'sizes', 'blocks')


def _mapping(path: Path, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}: '{key}' must be a mapping, not {value!r}")
    return value
