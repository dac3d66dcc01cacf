"""What a robot's file says about its simulation, and how the simulated robot may differ from the one described."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np

from dreamer_learning.config import ConfigError, load_section, nearest

Range = tuple[float, float]

LONGEST_SETTLE = 600.0
"""s; beyond it a start would not end."""

MOST_PIXELS = 8192
"""Of a camera's width and height."""

RATES = 0.001, 1000.0
"""Lowest and highest of a camera, Hz."""

LARGEST = 1e6
"""Of noise, and of what a variation draws: products of the two still are angles that have a sine."""


@dataclasses.dataclass(frozen=True)
class Keyframe:
    """A pose in which the robot can be put on the floor.

    Attributes:
        joints: rad, in the order of the robot's joints.
        orientation: roll, pitch, yaw of the base, rad.
        settle: s of simulation with the joints held, and as long again limp, before the pose is handed over.
        noise: rad, standard deviation of the seeded noise on joints and orientation.
        hold: whether the joints stay held until the first command; otherwise they go limp.
    """

    joints: list[float]
    orientation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    settle: float = 0.5
    noise: float = 0.0
    hold: bool = False

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (*self.joints, *self.orientation)):
            raise ConfigError(f'joints {self.joints}, orientation {list(self.orientation)}: every value must be finite')
        if not 0 <= self.settle <= LONGEST_SETTLE:
            raise ConfigError(f'settle {self.settle}: from 0 to {LONGEST_SETTLE:g} s')
        if not 0 <= self.noise <= math.pi:
            raise ConfigError(f'noise {self.noise}: from 0 to pi')


@dataclasses.dataclass(frozen=True)
class CameraConfig:
    """A camera of the robot.

    Attributes:
        frame: link of the URDF with the axes of an optical frame (x right, y down, z forward, REP-103).
        width, height: pixels.
        field_of_view: vertical, rad.
        rate: images per second of robot time, at most.
    """

    frame: str
    width: int = 64
    height: int = 64
    field_of_view: float = 1.0
    rate: float = 20.0

    def __post_init__(self) -> None:
        for name in ('width', 'height'):
            if not 1 <= getattr(self, name) <= MOST_PIXELS:
                raise ConfigError(f'{name} {getattr(self, name)}: from 1 to {MOST_PIXELS} pixels')
        if not RATES[0] <= self.rate <= RATES[1]:
            raise ConfigError(f'rate {self.rate}: from {RATES[0]:g} to {RATES[1]:g} Hz')
        if not 0 < self.field_of_view < math.pi:
            raise ConfigError(f'field_of_view {self.field_of_view}: between 0 and pi')


@dataclasses.dataclass(frozen=True)
class SensorNoise:
    """Standard deviations of white noise at variation.sensor_noise = 1."""

    joint_position: float = 0.0  # rad
    joint_velocity: float = 0.0  # rad/s
    orientation: float = 0.0  # rad
    angular_velocity: float = 0.0  # rad/s
    linear_acceleration: float = 0.0  # m/s^2

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= LARGEST:
                raise ConfigError(f'{name} {value}: from 0 to {LARGEST:g}')


@dataclasses.dataclass(frozen=True)
class Variation:
    """Ranges from which the differences between the described and the simulated robot are drawn, uniformly.

    Attributes:
        friction: sliding friction coefficient between robot and floor; None = that of the configuration.
        payload: kg, fixed above the base.
        motor_strength: factor on torques and torque limits.
        sensor_noise: factor on the robot's `sensor_noise`.
        action_latency: s between a command's arrival and its effect.
        slope: rad, the floor rises towards +x.
    """

    friction: Range | None = None
    payload: Range = (0.0, 0.0)
    motor_strength: Range = (1.0, 1.0)
    sensor_noise: Range = (0.0, 0.0)
    action_latency: Range = (0.0, 0.0)
    slope: Range = (0.0, 0.0)
    seed: int = 0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == 'seed' or value is None:
                continue
            low, high = value
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise ConfigError(f'{field.name}: {list(value)}: expected [lowest, highest], both finite')
            if not 0 <= low <= high <= LARGEST and field.name != 'slope':
                raise ConfigError(f'{field.name}: {list(value)}: at least 0 and at most {LARGEST:g}')
            if field.name == 'slope' and max(-low, high) > 1.0:
                raise ConfigError(f'slope: {list(value)}: between -1 and 1 rad')


@dataclasses.dataclass(frozen=True)
class Conditions:
    """One draw from the ranges of a Variation; the same units."""

    friction: float
    payload: float
    motor_strength: float
    sensor_noise: float
    action_latency: float
    slope: float


def draw(variation: Variation, friction: float) -> Conditions:
    """Draw every quantity from its own stream of `variation.seed`: widening one range leaves the others as they were."""
    values: dict[str, float] = {}
    for index, field in enumerate(dataclasses.fields(Conditions)):
        low, high = getattr(variation, field.name) or (friction, friction)
        values[field.name] = float(np.random.default_rng([variation.seed, index]).uniform(low, high))
    return Conditions(**values)


@dataclasses.dataclass(frozen=True)
class SimulationConfig:
    """Section `simulation` of config/robots/<robot>.yaml, with the keys that all sections share.

    Attributes:
        urdf: relative to urdf/.
        base_link: body that carries the floating base's pose and the IMU.
        joints: driven joints, in the order of commands and readings.
        keyframes: name -> pose.
        start: name of the first keyframe.
        fixed_base: bolted to the world, as an arm is.
        imu_link: body of the IMU; empty = base_link.
        timestep: s of one physics tick.
        friction: sliding friction coefficient between robot and floor.
        armature: kg m^2 added to each driven joint (rotor inertia through the gear).
        damping: Nm s/rad of each driven joint.
        friction_loss: Nm of dry friction of each driven joint.
        hold_kp, hold_kd: gains that hold a keyframe.
        limp_kd: Nm s/rad while no command has arrived.
        damp_kd: Nm s/rad once commands stay away.
        cameras: name -> camera.
        sensor_noise: noise at variation.sensor_noise = 1.
        variation: the differences from the described robot.
    """

    urdf: str
    base_link: str
    joints: list[str]
    keyframes: dict[str, Keyframe]
    start: str
    fixed_base: bool = False
    imu_link: str = ''
    timestep: float = 0.002
    friction: float = 0.8
    armature: float = 0.01
    damping: float = 0.1
    friction_loss: float = 0.1
    hold_kp: float = 80.0
    hold_kd: float = 2.0
    limp_kd: float = 0.5
    damp_kd: float = 3.0
    cameras: dict[str, CameraConfig] = dataclasses.field(default_factory=dict)
    sensor_noise: SensorNoise = SensorNoise()
    variation: Variation = Variation()

    def __post_init__(self) -> None:
        if self.start not in self.keyframes:
            raise ConfigError(f"start: no keyframe '{self.start}'; {nearest(self.start, self.keyframes)}")
        for name, keyframe in self.keyframes.items():
            if len(keyframe.joints) != len(self.joints):
                raise ConfigError(
                    f"keyframes: {name}: joints: {len(keyframe.joints)} values for {len(self.joints)} joints"
                )
        if not 0.0001 <= self.timestep <= 0.02:
            raise ConfigError(f'timestep {self.timestep}: between 0.0001 and 0.02 s')
        for name in ('friction', 'armature', 'damping', 'friction_loss', 'hold_kp', 'hold_kd', 'limp_kd', 'damp_kd'):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f'{name} {getattr(self, name)}: at least 0 and finite')

    def keyframe(self, name: str) -> Keyframe:
        """The keyframe of this name; empty = the start.

        Raises:
            ConfigError: no such keyframe.
        """
        name = name or self.start
        if name not in self.keyframes:
            raise ConfigError(f"no keyframe '{name}'; {nearest(name, self.keyframes)}")
        return self.keyframes[name]


def load_simulation(config_dir: Path, robot: str) -> tuple[Path, SimulationConfig]:
    """The URDF's path and the simulation section of config/robots/<robot>.yaml.

    Raises:
        ConfigError: unknown robot, key or value.
    """
    path = Path(config_dir) / 'robots' / f'{robot}.yaml'
    config = load_section(path, 'simulation', SimulationConfig, shared=('urdf', 'base_link', 'joints'))
    return Path(config_dir).parent / 'urdf' / config.urdf, config
