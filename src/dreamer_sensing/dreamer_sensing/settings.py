"""The section `sensing` of a robot's configuration."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

from dreamer_learning.config import ConfigError, Range, load_section
from dreamer_learning.robots import ActionRange, joint_ranges
from dreamer_sensing.velocity import VelocityConfig


@dataclasses.dataclass(frozen=True)
class SensingConfig:
    """What sensing knows of a robot: the section `sensing` and the keys that all sections share.

    Attributes:
        urdf: path relative to the folder urdf/ beside the configuration.
        base_link: link of the base.
        joints: names in the order of actions and proprioception.
        feet: links that touch the floor.
        action_range: pattern of joint names -> range of their actions; each joint matches exactly one.
        velocity: estimate of the base velocity.
        camera_crop: left, top, width, height in pixels of the camera's part that the task sees; without it, the largest
            centred part with the aspect ratio of the task's image.
        camera_max_age: an image older than this is not paired with joint states, s.
    """

    urdf: str
    base_link: str
    joints: list[str]
    action_range: dict[str, ActionRange]
    feet: list[str]
    velocity: VelocityConfig = VelocityConfig()
    camera_crop: tuple[int, int, int, int] | None = None
    camera_max_age: Annotated[float, Range(0, 3600, above=True)] = 0.1

    def __post_init__(self) -> None:
        if not self.joints or len(set(self.joints)) != len(self.joints):
            raise ConfigError('joints: at least one, and each once')
        if not self.feet:
            raise ConfigError('feet: at least one link')
        joint_ranges(self.action_range, self.joints)


def load_sensing(config_dir: Path, robot: str) -> tuple[SensingConfig, Path]:
    """The settings of a robot, and the path of its URDF.

    Raises:
        ConfigError: unknown robot, key or value.
    """
    config = load_section(
        Path(config_dir) / 'robots' / f'{robot}.yaml', 'sensing', SensingConfig,
        ('urdf', 'base_link', 'joints', 'action_range'),
    )
    return config, Path(config_dir).parent / 'urdf' / config.urdf
