"""The base's motion on `odom` and /tf, as REP-105 has it: for people and for nodes outside the suite."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry as OdometryMessage
from rclpy.node import Node
from rclpy.qos import QoSProfile
from tf2_msgs.msg import TFMessage

from dreamer_node.qos import STANDARD
from dreamer_sensing.odometry import Odometry
from dreamer_sensing.reading import SensorReading

ODOMETRY_FRAME = 'odom'
# As tf2_ros broadcasts.
TF_QOS = QoSProfile(depth=100)


class OdometryPublisher:
    """Publishes one pose and twist of the base for every reading of the sensors; their covariances are not known and stay 0.

    Args:
        node: whose topics they are.
        base_frame: link of the base.
        longest: s, between two readings that belong to one motion.
    """

    def __init__(self, node: Node, base_frame: str, longest: float) -> None:
        self._motion = Odometry(longest)
        self._odometry = OdometryMessage(child_frame_id=base_frame)
        self._transform = TransformStamped(child_frame_id=base_frame)
        self._odometry.header.frame_id = self._transform.header.frame_id = ODOMETRY_FRAME
        self._frames = TFMessage(transforms=[self._transform])
        self._odometry_publisher = node.create_publisher(OdometryMessage, 'odom', STANDARD)
        self._frames_publisher = node.create_publisher(TFMessage, '/tf', TF_QOS)

    def publish(self, stamp: int, reading: SensorReading, velocity: np.ndarray) -> None:
        """Publish the motion at a reading.

        Args:
            stamp: of the reading, ns.
            velocity: (3,) of the base in the world's axes, m/s.
        """
        motion = self._motion.update(reading, velocity)
        pose, twist, transform = self._odometry.pose.pose, self._odometry.twist.twist, self._transform.transform
        for message in (self._odometry, self._transform):
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 1_000_000_000)
        for target, values in (
            (pose.position, motion.position), (transform.translation, motion.position),
            (pose.orientation, motion.orientation), (transform.rotation, motion.orientation),
            (twist.linear, motion.linear), (twist.angular, motion.angular),
        ):
            for name, value in zip('xyzw', values.tolist()):
                setattr(target, name, value)
        self._odometry_publisher.publish(self._odometry)
        self._frames_publisher.publish(self._frames)
