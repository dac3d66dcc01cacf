"""What an agent sees and does: the shapes and types of observations and actions, and the task that fixes them."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any, Literal

from dreamer_learning.config import ConfigError, build, load_yaml
from dreamer_learning.robots import robot_identity


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """Shape (without environments) and type of one observation tensor; uint8 is an image (height, width, channels)."""

    shape: tuple[int, ...]
    dtype: Literal['float32', 'uint8'] = 'float32'

    def __post_init__(self) -> None:
        if any(size < 1 for size in self.shape):
            raise ConfigError(f'shape {list(self.shape)}: sizes are at least 1')
        if self.dtype == 'uint8' and len(self.shape) != 3:
            raise ConfigError(f'shape {list(self.shape)}: uint8 is for images (height, width, channels)')

    @property
    def image(self) -> bool:
        return self.dtype == 'uint8'

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclasses.dataclass(frozen=True)
class ActionSpec:
    """`size` numbers in [-1, 1], or one of `size` choices."""

    size: int
    discrete: bool = False

    def __post_init__(self) -> None:
        if self.size < 1 or (self.discrete and self.size < 2):
            raise ConfigError(f'action size {self.size}: at least {2 if self.discrete else 1}')


@dataclasses.dataclass(frozen=True)
class Task:
    """One task of one robot or game. Loaded from config/tasks/<name>.yaml.

    Attributes:
        robot: name of config/robots/<robot>.yaml.
        control_rate: Hz, observations (and actions) per second of robot time.
        episode_length: steps after which is_last is set; 0 = no limit.
        reward: name of the reward function.
        observation: name -> spec of the tensors that the agent sees.
        action: what the agent does.
        environments: environments per observation message.
        identity: what actions mean on the robot, see robots.robot_identity; filled in by load_task, not by the file.
        name: <name> of that file, filled in likewise; '' = not from one.
    """

    robot: str
    control_rate: float
    episode_length: int
    reward: str
    observation: dict[str, TensorSpec]
    action: ActionSpec
    environments: int = 1
    identity: dict[str, Any] = dataclasses.field(default_factory=dict)
    name: str = ''

    def __post_init__(self) -> None:
        if not 0 < self.control_rate < math.inf:
            raise ConfigError(f'control_rate {self.control_rate}: must be above 0 and finite')
        if self.episode_length < 0 or self.environments < 1:
            raise ConfigError('episode_length is at least 0 and environments at least 1')
        if not self.observation:
            raise ConfigError('observation: at least one tensor')

    def describe(self) -> dict[str, Any]:
        """Plain data of the parts that an agent's parameters depend on."""
        return {
            'observation': {name: [list(spec.shape), spec.dtype] for name, spec in sorted(self.observation.items())},
            'action': [self.action.size, self.action.discrete],
            'control_rate': self.control_rate,
            'robot': self.identity,
        }


def load_task(config_dir: Path, name: str) -> Task:
    """The task config/tasks/<name>.yaml, with the identity of its robot.

    Raises:
        ConfigError: unknown task, key or value.
    """
    path = Path(config_dir) / 'tasks' / f'{name}.yaml'
    content = load_yaml(path)
    if 'identity' in content:
        raise ConfigError(f"{path}: key 'identity' is fixed by the robot")
    if 'name' in content:
        raise ConfigError(f"{path}: key 'name' is fixed by the file's name")
    task = build(Task, content, str(path))
    return dataclasses.replace(task, identity=robot_identity(config_dir, task.robot), name=name)
