"""Joint states by name, whatever their order.

What sensor_msgs/JointState leaves open is read kindly: velocities may be missing as a whole (they count as 0) and joints
that the robot's configuration does not name are passed over. A missing or repeated joint, or lengths that differ, make a
message unusable; it is counted and the last usable one stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dreamer_drivers.command import Measurement
from dreamer_node.joints import JointOrder


class JointReader:
    """Picks a robot's joints out of joint states. More joints than these are allowed.

    Args:
        joints: names, in the order of the result.
    """

    def __init__(self, joints: Sequence[str]) -> None:
        self._order = JointOrder(joints)

    def read(
        self, stamp: float, names: Sequence[str], position: Sequence[float], velocity: Sequence[float]
    ) -> Measurement:
        """The joints (J,) in order. An empty velocity means 0 (sensor_msgs/JointState allows it).

        Raises:
            Refused: a joint is missing or repeated, or the lengths differ.
        """
        self._order.follow(names)
        angles = self._order.arrange('position', position)
        rates = self._order.arrange('velocity', velocity) if len(velocity) else np.zeros_like(angles)
        return Measurement(stamp, angles, rates)
