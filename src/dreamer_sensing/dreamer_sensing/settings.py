"""The section `sensing` of a robot's configuration."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from dreamer_learning.config import ConfigError, load_section
from dreamer_sensing.velocity import VelocityConfig


@dataclasses.dataclass(frozen=True)
class SensingConfig:
    """What sensing knows of a robot. Lists shorter than `joints` are repeated: one leg stands for all.

    Attributes:
        urdf: path relative to the folder urdf/ beside the configuration.
        base_link: link of the base.
        joints: names in the order of actions and proprioception.
        feet: links that touch the floor.
        joint_min, joint_max: joint limits, rad.
        range_lower, range_upper: ends of the used part of the limits, as fractions of them; actions -1 and 1.
        velocity: estimate of the base velocity.
        camera_crop: left, top, width, height in pixels of the camera's part that the task sees; without it, the largest
            centred part with the aspect ratio of the task's image.
        camera_max_age: an image older than this is not paired with joint states, s.
    """

    urdf: str
    base_link: str
    joints: list[str]
    feet: list[str]
    joint_min: list[float]
    joint_max: list[float]
    range_lower: list[float]
    range_upper: list[float]
    velocity: VelocityConfig = VelocityConfig()
    camera_crop: tuple[int, int, int, int] | None = None
    camera_max_age: float = 0.1

    def __post_init__(self) -> None:
        if not self.joints or len(set(self.joints)) != len(self.joints):
            raise ConfigError('joints: at least one, and each once')
        if not self.feet:
            raise ConfigError('feet: at least one link')
        for name in ('joint_min', 'joint_max', 'range_lower', 'range_upper'):
            count = len(getattr(self, name))
            if count == 0 or len(self.joints) % count:
                raise ConfigError(f'{name}: {count} values do not divide {len(self.joints)} joints')
        lower, upper = self.action_range()
        for name, low, high in zip(self.joints, lower, upper):
            if not low < high:
                raise ConfigError(f"joint_min, joint_max, range_lower, range_upper: '{name}' gets [{low:g}, {high:g}]")
        if not self.camera_max_age > 0.0:
            raise ConfigError(f'camera_max_age {self.camera_max_age}: must be above 0')

    def action_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Angles (J,) and (J,) that actions -1 and 1 stand for, rad."""
        minimum, maximum = self._each(self.joint_min), self._each(self.joint_max)
        span = maximum - minimum
        return minimum + self._each(self.range_lower) * span, minimum + self._each(self.range_upper) * span

    def _each(self, values: list[float]) -> np.ndarray:
        return np.tile(values, len(self.joints) // len(values))


def load_sensing(config_dir: Path, robot: str) -> tuple[SensingConfig, Path]:
    """The settings of a robot, and the path of its URDF.

    Raises:
        ConfigError: unknown robot, key or value.
    """
    config = load_section(
        Path(config_dir) / 'robots' / f'{robot}.yaml', 'sensing', SensingConfig, ('urdf', 'base_link', 'joints')
    )
    return config, Path(config_dir).parent / 'urdf' / config.urdf
