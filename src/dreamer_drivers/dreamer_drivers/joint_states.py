"""Joint states by name, whatever their order.

What sensor_msgs/JointState leaves open is read kindly: velocities may be missing as a whole (they count as 0), unless a
torque is to be bounded with them, and joints that the robot's configuration does not name are passed over. A missing or
repeated joint, or lengths that differ, make a message unusable; it is counted and the last usable one stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dreamer_drivers.command import Measurement
from dreamer_node.joints import JointOrder
from dreamer_node.refusals import Refused


class JointReader:
    """Picks a robot's joints out of joint states. More joints than these are allowed.

    Args:
        joints: names, in the order of the result.
        needs_velocity: joint states without velocities are refused.
    """

    def __init__(self, joints: Sequence[str], needs_velocity: bool = False) -> None:
        self._order = JointOrder(joints)
        self._needs_velocity = needs_velocity

    def read(
        self, stamp: float, names: Sequence[str], position: Sequence[float], velocity: Sequence[float]
    ) -> Measurement:
        """The joints (J,) in order. An empty velocity means 0 (sensor_msgs/JointState allows it) where none is needed.

        Raises:
            Refused: a joint is missing or repeated, the lengths differ, or velocities are missing that are needed.
        """
        self._order.follow(names)
        angles = self._order.arrange('position', position)
        if self._needs_velocity and not len(velocity):
            raise Refused('missing_velocity', 'no velocity, without which max_torque cannot be kept; set that to 0 to do without')
        rates = self._order.arrange('velocity', velocity) if len(velocity) else np.zeros_like(angles)
        return Measurement(stamp, angles, rates)
