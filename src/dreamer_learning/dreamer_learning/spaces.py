"""What an agent sees and does: the shapes and types of observations and actions, and the task that fixes them."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any, Literal

from dreamer_learning.config import ConfigError, build, load_yaml, nearest
from dreamer_learning.robots import robot_identity


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """Shape (without environments) and type of one observation tensor; uint8 is an image (height, width, channels).

    Attributes:
        angles: how many numbers, from the first on, are angles in rad. Networks see and predict their sine and cosine: one that
            passes from pi to -pi does not move for them.
    """

    shape: tuple[int, ...]
    dtype: Literal['float32', 'uint8'] = 'float32'
    angles: int = 0

    def __post_init__(self) -> None:
        if any(size < 1 for size in self.shape):
            raise ConfigError(f'shape {list(self.shape)}: sizes are at least 1')
        if self.dtype == 'uint8' and len(self.shape) != 3:
            raise ConfigError(f'shape {list(self.shape)}: uint8 is for images (height, width, channels)')
        if self.angles and (self.image or len(self.shape) != 1 or not 0 < self.angles <= self.size):
            raise ConfigError(f'angles {self.angles}: of a vector of at least so many numbers, not of shape {list(self.shape)}')

    @property
    def image(self) -> bool:
        return self.dtype == 'uint8'

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def describe(self) -> list[Any]:
        """Plain data, with which `of` makes it again."""
        return [list(self.shape), self.dtype, *([self.angles] if self.angles else [])]

    @classmethod
    def of(cls, shape: list[int], dtype: Literal['float32', 'uint8'], angles: int = 0) -> TensorSpec:
        """See `describe`."""
        return cls(tuple(shape), dtype, angles)


@dataclasses.dataclass(frozen=True)
class ActionSpec:
    """`size` numbers in [-1, 1], or one of `size` choices."""

    size: int
    discrete: bool = False

    def __post_init__(self) -> None:
        if self.size < 1 or (self.discrete and self.size < 2):
            raise ConfigError(f'action size {self.size}: at least {2 if self.discrete else 1}')


ACTION = 'action'
"""Key of the action in Task.mirror."""


@dataclasses.dataclass(frozen=True)
class MirrorSpec:
    """A vector, or choices, seen in a mirror: what changes places, then what changes its sign.

    Attributes:
        swap: pairs of indices.
        negate: indices; none for choices.
    """

    swap: tuple[tuple[int, int], ...] = ()
    negate: tuple[int, ...] = ()

    def check(self, size: int) -> None:
        """Raises ConfigError where an index is not of `size` numbers, or is there twice."""
        for name, indices in (('swap', [index for pair in self.swap for index in pair]), ('negate', [*self.negate])):
            for index in indices:
                if not 0 <= index < size:
                    raise ConfigError(f'{name}: index {index} is not allowed; 0 to {size - 1}')
                if indices.count(index) > 1:
                    raise ConfigError(f'{name}: index {index} is there twice')


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
        mirror: how left and right are exchanged in each vector that the agent sees (images are turned around) and in `action`,
            where a step seen in a mirror is as possible and earns as much; empty where that is not so.
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
    mirror: dict[str, MirrorSpec] = dataclasses.field(default_factory=dict)
    identity: dict[str, Any] = dataclasses.field(default_factory=dict)
    name: str = ''

    @property
    def source(self) -> str:
        """Its file below the configuration folder, for messages."""
        return f'tasks/{self.name}.yaml'

    def __post_init__(self) -> None:
        if not 0 < self.control_rate < math.inf:
            raise ConfigError(f'control_rate {self.control_rate}: must be above 0 and finite')
        if self.episode_length < 0 or self.environments < 1:
            raise ConfigError('episode_length is at least 0 and environments at least 1')
        if not self.observation:
            raise ConfigError('observation: at least one tensor')
        if self.mirror:
            self._check_mirror()

    def _check_mirror(self) -> None:
        sizes = {name: spec.size for name, spec in self.observation.items() if not spec.image} | {ACTION: self.action.size}
        for name in self.mirror:
            if name not in sizes:
                raise ConfigError(f"mirror: unknown key '{name}'; {nearest(name, sizes)}")
        for name, size in sizes.items():
            if name not in self.mirror:
                raise ConfigError(f"mirror: missing key '{name}'; {{}} where nothing of it changes")
            try:
                self.mirror[name].check(size)
            except ConfigError as error:
                raise ConfigError(f'mirror: {name}: {error}') from None
        if self.action.discrete and self.mirror[ACTION].negate:
            raise ConfigError(f'mirror: {ACTION}: negate: choices have no sign')

    def describe(self) -> dict[str, Any]:
        """Plain data of the parts that an agent's parameters depend on."""
        return {
            'observation': {name: spec.describe() for name, spec in sorted(self.observation.items())},
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


def load_robot_task(config_dir: Path, robot: str, name: str) -> Task:
    """See load_task; `robot` '' = that of the task.

    Raises:
        ConfigError: the task is for another robot.
    """
    task = load_task(config_dir, name)
    if robot and robot != task.robot:
        raise ConfigError(
            f"robot '{robot}' and task '{name}' do not fit: that task is for robot '{task.robot}'; change one of them"
        )
    return task
