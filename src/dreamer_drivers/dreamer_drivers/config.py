"""The section `driver:` of a robot's configuration, and the safety gate's numbers made from it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np

from dreamer_learning.config import ConfigError, load_section
from dreamer_learning.robots import ActionRange, entry_of, joint_ranges

HIGHEST_RATE = 1000.0
"""Hz of set-points: more would keep a core busy, and the driver from hearing anything else."""

HARDWARE_DAMPS_AFTER = 1.0
"""s without a command after which the robot damps itself (JointCommand)."""


@dataclasses.dataclass(frozen=True)
class JointGroup:
    """Joints that share gains.

    Attributes:
        joints: pattern of joint names, for example '*_hip_joint'.
        kp: Nm/rad.
        kd: Nm s/rad.
        damping: Nm s/rad, kd while the robot is damped.
        max_torque: Nm, bound of |kp (set-point - q) - kd qd|; 0 = only the hardware's bound. An error without a command_rate:
            between two commands only the hardware knows the torque. Joint states without velocities are refused where it is set.
    """

    joints: str
    kp: float
    kd: float
    damping: float
    max_torque: float = 0.0

    def __post_init__(self) -> None:
        for name in ('kp', 'kd', 'damping', 'max_torque'):
            _require_at_least_zero(name, getattr(self, name))
        if self.damping == 0:
            raise ConfigError('damping 0.0: must be above 0, a damped robot would fall freely')


@dataclasses.dataclass(frozen=True)
class DriverConfig:
    """config/robots/<robot>.yaml, section `driver:` and the robot's own keys.

    Attributes:
        urdf: path relative to urdf/.
        joints: order of actions.
        action_range: pattern of joint names -> range of their actions; each joint matches exactly one.
        groups: name -> joints that share gains; each joint belongs to exactly one.
        cutoff: Hz of the low-pass; 0 = none.
        max_deviation: rad between set-point and measured angle; 0 = no bound.
        hold_after: s without an action until the pose is held.
        damp_after: s without an action until the robot is damped.
        max_action_age: s from the sensor data to the arrival of the action made from it.
        max_sensor_age: s.
        soft_start: s in which kp rises from 0 after a start or a damped phase.
        fall_angle: rad of roll or pitch beyond which the robot is damped until it was upright for a second; 0 = off. Needs an imu
            as fresh as joint_states.
        action_tolerance: how far an action may be outside [-1, 1] before it counts as clipped.
    """

    urdf: str
    base_link: str
    joints: list[str]
    action_range: dict[str, ActionRange]
    groups: dict[str, JointGroup]
    cutoff: float
    max_deviation: float
    hold_after: float = 0.2
    damp_after: float = 1.0
    max_action_age: float = 0.2
    max_sensor_age: float = 0.2
    soft_start: float = 1.0
    fall_angle: float = 0.0
    action_tolerance: float = 1e-3

    def __post_init__(self) -> None:
        for name in ('cutoff', 'max_deviation', 'soft_start', 'fall_angle', 'action_tolerance'):
            _require_at_least_zero(name, getattr(self, name))
        for name in ('hold_after', 'max_action_age', 'max_sensor_age'):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f'{name} {getattr(self, name)}: must be above 0')
        if self.hold_after >= HARDWARE_DAMPS_AFTER:
            raise ConfigError(
                f'hold_after {self.hold_after} must be below {HARDWARE_DAMPS_AFTER:g} s, after which the robot damps itself')
        if not self.hold_after < self.damp_after < math.inf:
            raise ConfigError(f'damp_after {self.damp_after} must be above hold_after {self.hold_after}')
        if not self.joints or len(set(self.joints)) != len(self.joints):
            raise ConfigError('joints: at least one, each once')


@dataclasses.dataclass(frozen=True)
class GateConfig:
    """What the safety gate needs, one number per joint where it says (J,). Meanings and units as in DriverConfig.

    Attributes:
        range_lower, range_upper: (J,) rad that the actions -1 and 1 mean.
        period: s, from one action to the next.
        command_period: s between set-points when the gate interpolates; 0 = one command an action, the hardware ramps.
    """

    range_lower: np.ndarray
    range_upper: np.ndarray
    kp: np.ndarray
    kd: np.ndarray
    damping: np.ndarray
    max_torque: np.ndarray
    period: float
    command_period: float
    cutoff: float
    max_deviation: float
    hold_after: float
    damp_after: float
    max_action_age: float
    max_sensor_age: float
    soft_start: float
    fall_angle: float
    action_tolerance: float


def load_driver_config(config_dir: Path, robot: str) -> DriverConfig:
    """The driver's configuration of one robot.

    Raises:
        ConfigError: unknown robot, key or value.
    """
    path = Path(config_dir) / 'robots' / f'{robot}.yaml'
    return load_section(path, 'driver', DriverConfig, shared=('urdf', 'base_link', 'joints', 'action_range'))


def gate_config(config: DriverConfig, control_rate: float, command_rate: float = 0.0) -> GateConfig:
    """The safety gate's numbers.

    Args:
        control_rate: Hz, actions per second.
        command_rate: Hz, set-points per second; 0 = one command an action.

    Raises:
        ConfigError: rates that do not fit each other, the cut-off, the time limits or a max_torque.
    """
    if config.cutoff >= control_rate / 2:
        raise ConfigError(f'cutoff {config.cutoff} Hz must be below half the control rate ({control_rate / 2} Hz)')
    if config.hold_after <= 1 / control_rate:
        raise ConfigError(f'hold_after {config.hold_after} s must be above the control period ({1 / control_rate} s)')
    if command_rate != 0 and not control_rate <= command_rate <= HIGHEST_RATE:
        raise ConfigError(
            f'command_rate {command_rate} Hz: 0, or from the control rate ({control_rate} Hz) to {HIGHEST_RATE:g} Hz')
    bounded = [name for name, group in config.groups.items() if group.max_torque]
    if bounded and command_rate == 0:
        raise ConfigError(
            f'groups: {bounded[0]}: max_torque {config.groups[bounded[0]].max_torque}: cannot be kept with one command an '
            'action; set max_torque to 0, or give the driver a command_rate'
        )
    patterns = [(group.joints, group) for group in config.groups.values()]
    groups = [entry_of(joint, 'groups', patterns) for joint in config.joints]
    lower, upper = joint_ranges(config.action_range, config.joints)
    return GateConfig(
        range_lower=lower,
        range_upper=upper,
        kp=np.array([group.kp for group in groups]),
        kd=np.array([group.kd for group in groups]),
        damping=np.array([group.damping for group in groups]),
        max_torque=np.array([group.max_torque or math.inf for group in groups]),
        period=1 / control_rate,
        command_period=1 / command_rate if command_rate else 0.0,
        cutoff=config.cutoff,
        max_deviation=config.max_deviation,
        hold_after=config.hold_after,
        damp_after=config.damp_after,
        max_action_age=config.max_action_age,
        max_sensor_age=config.max_sensor_age,
        soft_start=config.soft_start,
        fall_angle=config.fall_angle,
        action_tolerance=config.action_tolerance,
    )


def _require_at_least_zero(name: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise ConfigError(f'{name} {value}: must be at least 0 and finite')
