"""Velocity of the base as a robot without ground truth knows it: IMU and leg odometry in a Kalman filter.

Constants and structure as DayDreamer's A1 [released code, velocity estimator]; leg odometry includes the turning of the
base and the rolling of round feet. F feet, D joints of a leg, J joints of the robot.
"""

from __future__ import annotations

import collections
import dataclasses

import numpy as np

from dreamer_learning.config import ConfigError
from dreamer_sensing.kinematics import FootKinematics
from dreamer_sensing.reading import SensorReading

GRAVITY = np.array([0.0, 0.0, -9.81])

# Added to J J^T before it is inverted, m^2: near a singular leg the estimated force stays bounded.
DAMPING = 1e-5 * np.eye(3)


@dataclasses.dataclass(frozen=True)
class VelocityConfig:
    """Settings of the estimate.

    Attributes:
        foot_radius: of the round feet, m; 0 for point feet.
        contact_force: vertical force above which a foot stands, N.
        accelerometer_variance: added to the variance at each prediction, (m/s)^2.
        joint_velocity_variance: of the base velocity measured by the standing legs, (m/s)^2.
        initial_variance: at a reset, (m/s)^2.
        window: the moving average covers this time, s; 0 for none.
    """

    foot_radius: float = 0.0
    contact_force: float = 20.0
    accelerometer_variance: float = 0.03059
    joint_velocity_variance: float = 0.006206
    initial_variance: float = 0.1
    window: float = 0.12

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not 0.0 <= value < float('inf'):
                raise ConfigError(f'{field.name} {value}: must be at least 0')
        if self.joint_velocity_variance == 0.0:
            raise ConfigError('joint_velocity_variance 0.0: must be above 0')


class VelocityEstimator:
    """Filters the base velocity in the world frame; call `update` for every reading of the sensors."""

    def __init__(self, kinematics: FootKinematics, config: VelocityConfig) -> None:
        self._kinematics = kinematics
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Forget everything: at rest, with the initial variance."""
        self._velocity = np.zeros(3)
        self._variance = self._config.initial_variance
        self._last: tuple[float, np.ndarray] | None = None
        self._window: collections.deque[tuple[float, np.ndarray]] = collections.deque()
        self._contacts = np.zeros(len(self._kinematics.index), bool)

    @property
    def contacts(self) -> np.ndarray:
        """(F,) which feet stood at the last update."""
        return self._contacts

    def update(self, reading: SensorReading, rotation: np.ndarray) -> np.ndarray:
        """The velocity (3,) in the world frame, m/s, averaged over the window.

        Args:
            reading: later than that of the last call.
            rotation: (3, 3) body to world, the orientation of the reading.
        """
        if self._last is not None:
            self._predict(reading.time - self._last[0], self._last[1], rotation, reading.specific_force)
        self._last = (reading.time, rotation)
        measured = self._odometry(reading, rotation)
        if measured is not None:
            gain = self._variance / (self._variance + self._config.joint_velocity_variance)
            self._velocity = self._velocity + gain * (measured - self._velocity)
            self._variance *= 1.0 - gain
        return self._average(reading.time)

    def _predict(self, interval: float, before: np.ndarray, now: np.ndarray, specific_force: np.ndarray) -> None:
        # The force is a mean over the interval, so it is turned by the mean of the orientations at its two ends.
        acceleration = 0.5 * (before + now) @ specific_force + GRAVITY
        self._velocity = self._velocity + interval * acceleration
        self._variance += self._config.accelerometer_variance

    def _odometry(self, reading: SensorReading, rotation: np.ndarray) -> np.ndarray | None:
        """Base velocity (3,) in the world frame by which the standing feet do not move; None when no foot stands."""
        index = self._kinematics.index
        point, jacobian = self._kinematics.compute(reading.joint_position, -self._config.foot_radius * rotation[2])
        # Statics of a leg: the floor's force f on the foot balances the motors, J^T f = -effort (least squares).
        square = jacobian @ jacobian.transpose(0, 2, 1) + DAMPING
        force = np.linalg.solve(square, jacobian @ -reading.joint_effort[index][..., None])[:, :, 0]
        self._contacts = force @ rotation[2] > self._config.contact_force
        standing = int(self._contacts.sum())
        if not standing:
            return None
        share = self._contacts / standing
        motion = share @ (jacobian @ reading.joint_velocity[index][..., None])[:, :, 0]
        x, y, z = (share @ point).tolist()
        wx, wy, wz = reading.angular_velocity.tolist()
        turning = np.array([wy * z - wz * y, wz * x - wx * z, wx * y - wy * x])
        return -(rotation @ (motion + turning))

    def _average(self, time: float) -> np.ndarray:
        window = self._window
        window.append((time, self._velocity))
        # Half a microsecond, so that rounding of stamps does not decide what is inside.
        while time - window[0][0] > self._config.window + 5e-7:
            window.popleft()
        return sum((velocity for _, velocity in window), np.zeros(3)) / len(window)
