"""Sensor readings as messages, and command messages as commands. The messages are made once and filled again and again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, Imu, JointState
from tf2_msgs.msg import TFMessage

from dreamer_interfaces.msg import JointCommand
from dreamer_mujoco.config import CameraConfig
from dreamer_mujoco.servo import Command
from dreamer_mujoco.simulation import SensorReading
from dreamer_node.joints import JointOrder
from dreamer_node.refusals import Refused

WORLD_FRAME = 'odom'


def set_stamp(stamp: Time, nanoseconds: int) -> None:
    """Fill a stamp."""
    stamp.sec, stamp.nanosec = divmod(nanoseconds, 1_000_000_000)


class SensorMessages:
    """The messages of one robot.

    Args:
        joints: names, in the order of the readings.
        base_frame, imu_frame: links of the robot.
        variances: of orientation (rad^2), angular velocity and linear acceleration, for the IMU's covariances.
    """

    def __init__(
        self, joints: Sequence[str], base_frame: str, imu_frame: str, variances: tuple[float, float, float]
    ) -> None:
        self.clock = Clock()
        self.joints = JointState(name=list(joints))
        self.joints.header.frame_id = base_frame
        self._joint_views = {}
        for field in ('position', 'velocity', 'effort'):
            setattr(self.joints, field, [0.0] * len(joints))
            self._joint_views[field] = np.frombuffer(getattr(self.joints, field))
        self.imu = Imu()
        self.imu.header.frame_id = imu_frame
        for covariance, variance in zip(
            (
                self.imu.orientation_covariance,
                self.imu.angular_velocity_covariance,
                self.imu.linear_acceleration_covariance,
            ),
            variances,
        ):
            covariance[[0, 4, 8]] = variance
        self.odometry = Odometry(child_frame_id=base_frame)
        self.odometry.header.frame_id = WORLD_FRAME
        self.transform = TFMessage(transforms=[TransformStamped(child_frame_id=base_frame)])
        self._pose = self.transform.transforms[0]
        self._pose.header.frame_id = WORLD_FRAME

    def fill(self, reading: SensorReading) -> None:
        """Take over a reading into clock, joints and imu."""
        for message in (self.joints, self.imu):
            set_stamp(message.header.stamp, reading.stamp)
        set_stamp(self.clock.clock, reading.stamp)
        self._joint_views['position'][:] = reading.joint_position
        self._joint_views['velocity'][:] = reading.joint_velocity
        self._joint_views['effort'][:] = reading.joint_effort
        _fill_xyz(self.imu.orientation, reading.orientation)
        _fill_xyz(self.imu.angular_velocity, reading.angular_velocity)
        _fill_xyz(self.imu.linear_acceleration, reading.linear_acceleration)

    def fill_truth(self, reading: SensorReading) -> None:
        """Take over the true pose and twist of the base into odometry and transform."""
        set_stamp(self.odometry.header.stamp, reading.stamp)
        set_stamp(self._pose.header.stamp, reading.stamp)
        for position in (self.odometry.pose.pose.position, self._pose.transform.translation):
            _fill_xyz(position, reading.base_position)
        for orientation in (self.odometry.pose.pose.orientation, self._pose.transform.rotation):
            _fill_xyz(orientation, reading.base_orientation)
        _fill_xyz(self.odometry.twist.twist.linear, reading.base_linear_velocity)
        _fill_xyz(self.odometry.twist.twist.angular, reading.base_angular_velocity)


def _fill_xyz(target: object, values: np.ndarray) -> None:
    for name, value in zip('xyzw', values.tolist()):
        setattr(target, name, value)


class CameraMessages:
    """Image and calibration of one camera: an ideal pinhole."""

    def __init__(self, camera: CameraConfig) -> None:
        self.image = Image(
            width=camera.width, height=camera.height, encoding='rgb8', step=3 * camera.width, is_bigendian=0
        )
        focal = camera.height / (2 * math.tan(camera.field_of_view / 2))
        x, y = camera.width / 2, camera.height / 2
        self.info = CameraInfo(width=camera.width, height=camera.height, distortion_model='plumb_bob', d=[0.0] * 5)
        self.info.k = np.array([focal, 0, x, 0, focal, y, 0, 0, 1], float)
        self.info.r = np.eye(3).reshape(-1)
        self.info.p = np.array([focal, 0, x, 0, 0, focal, y, 0, 0, 0, 1, 0], float)
        self.image.header.frame_id = self.info.header.frame_id = camera.frame

    def fill(self, image: np.ndarray, nanoseconds: int) -> None:
        """Take over an image (height, width, 3) uint8."""
        set_stamp(self.image.header.stamp, nanoseconds)
        set_stamp(self.info.header.stamp, nanoseconds)
        self.image.data = image.tobytes()


class CommandReader:
    """Turns JointCommand messages into commands in the robot's joint order.

    Args:
        joints: names, in the robot's order.
    """

    def __init__(self, joints: Sequence[str]) -> None:
        self._order = JointOrder(joints, exact=True)
        self._count = len(joints)

    def read(self, message: JointCommand) -> Command:
        """The command of a message.

        Raises:
            Refused: joints missing, unknown or repeated, wrong lengths, values that are not finite or negative.
        """
        self._order.follow(message.name)
        fields = ('position', 'velocity', 'effort', 'kp', 'kd')
        arrays = {name: self._order.arrange(name, getattr(message, name)) for name in fields}
        command = Command(**arrays, duration=message.duration, max_deviation=message.max_deviation)
        fault = command.fault(self._count)
        if fault:
            raise Refused('value', fault)
        return command
