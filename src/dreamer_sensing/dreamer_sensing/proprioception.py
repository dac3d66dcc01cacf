"""What the robot feels of itself: joints by name, orientation of the base, and the observation vector made of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from dreamer_node.joints import JointOrder
from dreamer_node.refusals import Refused
from dreamer_sensing.reading import check_vector

# A unit quaternion in float32 is off by 1e-6; a driver that leaves the orientation unset sends zeros.
QUATERNION_TOLERANCE = 1e-2


@dataclasses.dataclass
class JointReading:
    """Joint angles (rad), velocities (rad/s) and efforts (Nm), each (J,) float64 in the robot's order."""

    position: np.ndarray
    velocity: np.ndarray
    effort: np.ndarray


@dataclasses.dataclass
class ImuReading:
    """Orientation (quaternion x, y, z, w), angular velocity (3,) in rad/s and specific force (3,) in m/s^2."""

    orientation: tuple[float, float, float, float]
    angular_velocity: np.ndarray
    specific_force: np.ndarray


class JointReader:
    """Reads joint messages, whose order is free, in the robot's order.

    Args:
        joints: names in the robot's order.
        needs_motion: velocity and effort must be there; else 0 stands for those of a message without them.

    Attributes:
        order: of the joints; knows those of the last message that are not the robot's.
    """

    def __init__(self, joints: Sequence[str], needs_motion: bool = True) -> None:
        self._joints = list(joints)
        self._needs_motion = needs_motion
        self.order = JointOrder(joints)

    def read(
        self, names: Sequence[str], position: Sequence[float], velocity: Sequence[float], effort: Sequence[float]
    ) -> JointReading:
        """The message's arrays in the robot's order.

        Raises:
            Refused: a missing or repeated joint, an array that is missing or of the wrong length, a value that is not
                finite.
        """
        self.order.follow(names)
        return JointReading(
            self._take('position', position), self._motion('velocity', velocity), self._motion('effort', effort)
        )

    def _motion(self, kind: str, values: Sequence[float]) -> np.ndarray:
        """Velocity or effort, which a message may leave out."""
        if len(values):
            return self._take(kind, values)
        if self._needs_motion:
            raise Refused(
                f'no_{kind}',
                f"joint_states has no {kind}, which velocity_source 'estimate' needs; publish it, or set 'ground_truth'",
            )
        return np.zeros(len(self._joints))

    def _take(self, kind: str, values: Sequence[float]) -> np.ndarray:
        array = self.order.arrange(kind, values)
        # A sum is not finite when a term is not: one reduction instead of a mask.
        if not math.isfinite(array.sum()):
            for name, value in zip(self._joints, array):
                if not math.isfinite(value):
                    raise Refused('not_finite', f"{kind} of joint '{name}' is {value}; it must be finite")
        return array


def rotation_matrix(quaternion: Sequence[float] | np.ndarray) -> np.ndarray:
    """Rotation (3, 3) from the body to the world frame.

    Args:
        quaternion: x, y, z, w; normalised here.

    Raises:
        Refused: not of unit length, or not finite.
    """
    x, y, z, w = (float(value) for value in quaternion)
    norm = math.sqrt(x * x + y * y + z * z + w * w)
    if not abs(norm - 1.0) <= QUATERNION_TOLERANCE:
        text = f'orientation [{x:g}, {y:g}, {z:g}, {w:g}] is not a unit quaternion (x, y, z, w)'
        raise Refused('orientation', text)
    scale = 2.0 / (norm * norm)
    xs, ys, zs = x * scale, y * scale, z * scale
    return np.array([
        [1.0 - y * ys - z * zs, x * ys - w * zs, x * zs + w * ys],
        [x * ys + w * zs, 1.0 - x * xs - z * zs, y * zs - w * xs],
        [x * zs - w * ys, y * zs + w * xs, 1.0 - x * xs - y * ys],
    ])


def read_imu(
    orientation: tuple[float, float, float, float], angular_velocity: tuple[float, float, float],
    specific_force: tuple[float, float, float],
) -> ImuReading:
    """An IMU message's numbers, checked.

    Raises:
        Refused: the orientation is not a unit quaternion, or a value is not finite.
    """
    rotation_matrix(orientation)
    reading = ImuReading(orientation, np.array(angular_velocity), np.array(specific_force))
    check_vector('angular_velocity', reading.angular_velocity, 3)
    check_vector('linear_acceleration', reading.specific_force, 3)
    return reading


def roll_pitch(rotation: np.ndarray) -> tuple[float, float]:
    """Roll in [-pi, pi] and pitch in [-pi/2, pi/2] of a rotation (3, 3), for R = Rz(yaw) Ry(pitch) Rx(roll)."""
    roll = math.atan2(rotation[2, 1], rotation[2, 2])
    pitch = math.asin(min(1.0, max(-1.0, -rotation[2, 0])))
    return roll, pitch


def wrap(angles: np.ndarray) -> np.ndarray:
    """Angles in [-pi, pi)."""
    return (angles + math.pi) % (2.0 * math.pi) - math.pi


def proprioception_size(joint_count: int) -> int:
    """Length of the observation vector: joint angles, roll, pitch and their rates."""
    return joint_count + 4


def proprioception(position: np.ndarray, rotation: np.ndarray, angular_velocity: np.ndarray) -> np.ndarray:
    """The observation vector (J + 4,) float32 of DayDreamer's A1: angles, roll, pitch, roll rate, pitch rate.

    Args:
        position: (J,) joint angles, rad; wrapped to +-pi.
        rotation: (3, 3) body to world.
        angular_velocity: (3,) in the body frame, rad/s; the first two are the rates.
    """
    count = len(position)
    vector = np.empty(proprioception_size(count), np.float32)
    vector[:count] = wrap(position)
    vector[count:count + 2] = roll_pitch(rotation)
    vector[count + 2:] = angular_velocity[:2]
    return vector
