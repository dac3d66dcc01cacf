"""One reading of all sensors at one time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from dreamer_node.refusals import Refused


@dataclasses.dataclass
class SensorReading:
    """What the sensors said at one time, J joints.

    Attributes:
        time: stamp of the sensors, s.
        joint_position, joint_velocity, joint_effort: (J,) in the robot's order; rad, rad/s, Nm.
        orientation: of the base in the world, quaternion x, y, z, w.
        angular_velocity, specific_force: (3,) in the body frame, averaged since the last reading; rad/s, m/s^2.
        true_velocity: (3,) of the base in the world frame, m/s, where ground truth is asked for.
        image: uint8 (height, width, channels), where the task observes one.
    """

    time: float
    joint_position: np.ndarray
    joint_velocity: np.ndarray
    joint_effort: np.ndarray
    orientation: Sequence[float] | np.ndarray
    angular_velocity: np.ndarray
    specific_force: np.ndarray
    true_velocity: np.ndarray | None = None
    image: np.ndarray | None = None

    def check(self, joint_count: int) -> None:
        """Refuse arrays of the wrong length and values that are not finite.

        Raises:
            Refused: naming the first such array.
        """
        for name in ('joint_position', 'joint_velocity', 'joint_effort'):
            check_vector(name, getattr(self, name), joint_count)
        for name in ('angular_velocity', 'specific_force'):
            check_vector(name, getattr(self, name), 3)
        if self.true_velocity is not None:
            check_vector('true_velocity', self.true_velocity, 3)


def check_vector(name: str, array: np.ndarray, length: int) -> None:
    """Refuse an array that is not (length,) or not finite.

    Raises:
        Refused: naming it.
    """
    if array.shape != (length,):
        raise Refused('length', f'{name} has shape {list(array.shape)}; expected [{length}]')
    # A sum is not finite when a term is not: one reduction instead of a mask.
    if not math.isfinite(array.sum()):
        raise Refused('not_finite', f'{name} is {array.tolist()}; every value must be finite')
