"""Joint states by name, whatever their order.

What sensor_msgs/JointState leaves open is read kindly: velocities may be missing as a whole (they count as 0) and joints
that the robot's configuration does not name are passed over. A missing or repeated joint, or lengths that differ, make a
message unusable; it is counted and the last usable one stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dreamer_drivers.command import Measurement


class JointStateError(ValueError):
    """Joint states that cannot be used. The text says what is wrong."""


class JointReader:
    """Picks a robot's joints out of joint states. More joints than these are allowed.

    Args:
        joints: names, in the order of the result.
    """

    def __init__(self, joints: Sequence[str]) -> None:
        self._joints = list(joints)
        self._names: list[str] | None = None
        self._index = np.zeros(0, np.intp)

    def read(
        self, stamp: float, names: Sequence[str], position: Sequence[float], velocity: Sequence[float]
    ) -> Measurement:
        """The joints (J,) in order. An empty velocity means 0 (sensor_msgs/JointState allows it).

        Raises:
            JointStateError: a joint is missing or named twice, or the lengths differ.
        """
        if self._names != names:
            self._index = self._find(list(names))
            self._names = list(names)
        count = len(names)
        if len(position) != count or len(velocity) not in (0, count):
            raise JointStateError(f'{count} names, {len(position)} positions, {len(velocity)} velocities')
        angles = np.array(position, np.float64)[self._index]
        rates = np.array(velocity, np.float64)[self._index] if len(velocity) else np.zeros_like(angles)
        return Measurement(stamp, angles, rates)

    def _find(self, names: list[str]) -> np.ndarray:
        missing = [joint for joint in self._joints if joint not in names]
        if missing:
            raise JointStateError(f'missing {", ".join(missing)}')
        if len(set(names)) != len(names):
            raise JointStateError('a joint is named twice')
        return np.array([names.index(joint) for joint in self._joints], np.intp)
