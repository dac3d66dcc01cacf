"""Where the base is by its own sensors: its velocity, integrated. The frame `odom` of REP-105: it drifts, but never jumps."""

from __future__ import annotations

import dataclasses

import numpy as np

from dreamer_sensing.proprioception import rotation_matrix
from dreamer_sensing.reading import SensorReading


@dataclasses.dataclass
class BaseMotion:
    """Pose and twist of the base.

    Attributes:
        position: (3,) in `odom`, m.
        orientation: (4,) from the base to `odom`, unit quaternion x, y, z, w.
        linear, angular: (3,) velocities in the base's frame, m/s and rad/s.
    """

    position: np.ndarray
    orientation: np.ndarray
    linear: np.ndarray
    angular: np.ndarray


class Odometry:
    """Integrates the base's velocity from where it is at the start; call `update` for every reading of the sensors.

    The axes are those of the IMU's orientation. After a pause, or where time goes back, the pose goes on from where it was:
    nobody knows how far the base went meanwhile, and the frame must not jump.

    Args:
        longest: s, between two readings that belong to one motion.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._position = np.zeros(3)
        self._last: tuple[float, np.ndarray] | None = None

    def update(self, reading: SensorReading, velocity: np.ndarray) -> BaseMotion:
        """The motion at a reading.

        Args:
            velocity: (3,) of the base at the reading, in the world's axes, m/s.
        """
        if self._last is not None:
            interval, before = reading.time - self._last[0], self._last[1]
            if 0.0 < interval <= self._longest:
                self._position = self._position + 0.5 * interval * (before + velocity)
        self._last = (reading.time, velocity)
        orientation = np.asarray(reading.orientation, np.float64)
        return BaseMotion(
            position=self._position,
            # What tf takes is of unit length to the last digits; an IMU's may be rounded to float32.
            orientation=orientation / np.linalg.norm(orientation),
            linear=rotation_matrix(reading.orientation).T @ velocity,
            angular=reading.angular_velocity,
        )
