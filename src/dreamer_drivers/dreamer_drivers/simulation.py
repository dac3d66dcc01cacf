"""The backend whose robot is a ROS 2 node (the MuJoCo bridge): joint_states and imu in, joint_command out."""

from __future__ import annotations

import array
import math
from collections.abc import Sequence

import numpy as np
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Imu, JointState

from dreamer_drivers.backend import Answer, Backend, Listener
from dreamer_drivers.command import GateCommand
from dreamer_drivers.joint_states import JointReader
from dreamer_drivers.rivals import Rivals
from dreamer_interfaces.msg import JointCommand
from dreamer_node import qos
from dreamer_node.refusals import Refused
from dreamer_node.wire import seconds

TOPIC = 'joint_command'


class SimulationBackend(Backend):
    """Publishes one reused JointCommand.

    Args:
        node: whose topics are used.
        joints: order of every command.
        watch_tilt: read imu too.
        needs_velocity: joint states without velocities cannot be used.
        discovery_time: s of wall time in which other drivers are found.
    """

    def __init__(
        self, node: Node, joints: Sequence[str], watch_tilt: bool, needs_velocity: bool, discovery_time: float
    ) -> None:
        self._node = node
        self._reader = JointReader(joints, needs_velocity)
        self._watch_tilt = watch_tilt
        self._sensors = ('joint_states', 'imu') if watch_tilt else ('joint_states',)
        self._discovery_time = discovery_time
        self._rivals: Rivals | None = None
        self._publisher: Publisher | None = None
        self._subscriptions: list = []
        self._message = JointCommand(name=list(joints))
        self._fields: dict[str, np.ndarray] = {}
        for field in ('position', 'velocity', 'effort', 'kp', 'kd'):
            setattr(self._message, field, array.array('d', bytes(8 * len(joints))))
            # A view of the message's own array: writing to it fills the message without conversion.
            self._fields[field] = np.frombuffer(getattr(self._message, field), np.float64)

    def connect(self, listener: Listener) -> None:
        self._listener = listener
        self._rivals = Rivals(self._node, TOPIC, self._discovery_time)
        self._publisher = self._node.create_publisher(JointCommand, TOPIC, qos.COMMAND)
        create = self._node.create_subscription
        self._subscriptions.append(create(JointState, 'joint_states', self._on_joint_states, qos.SENSOR))
        if self._watch_tilt:
            self._subscriptions.append(create(Imu, 'imu', self._on_imu, qos.SENSOR))

    def send(self, command: GateCommand, answer: Answer) -> GateCommand:
        message = self._message
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(answer.stamp, 1_000_000_000)
        message.stream = answer.stream
        message.step = answer.step
        message.mode = int(command.mode)
        for field, values in self._fields.items():
            values[:] = getattr(command, field)
        message.duration = command.duration
        message.max_deviation = command.max_deviation
        if self._publisher is not None:
            self._publisher.publish(message)
        return command

    def disconnect(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()
        if self._publisher is not None:
            self._node.destroy_publisher(self._publisher)
            self._publisher = None
        if self._rivals is not None:
            self._rivals.close()
            self._rivals = None

    @property
    def ready(self) -> bool:
        return self._rivals is not None and self._rivals.known

    def conflict(self) -> str:
        return '' if self._rivals is None else self._rivals.fault()

    def warning(self) -> str:
        found = []
        others = self._node.count_publishers(TOPIC) - (self._publisher is not None)
        if others > 0:
            found.append(f'{others} other publishers on {TOPIC}')
        # The last of two that speak at a time would be the measured pose.
        counts = [(sensor, self._node.count_publishers(sensor)) for sensor in self._sensors]
        found += [f'{count} publishers on {sensor}' for sensor, count in counts if count > 1]
        return '; '.join(found)

    def _on_joint_states(self, message: JointState) -> None:
        try:
            measurement = self._reader.read(seconds(message.header), message.name, message.position, message.velocity)
        except Refused as refused:
            self._listener.failed(f'joint_states: {refused}')
        else:
            self._listener.measured(measurement)

    def _on_imu(self, message: Imu) -> None:
        q = message.orientation
        # sensor_msgs/Imu: -1 says that the driver has no orientation.
        unknown = message.orientation_covariance[0] == -1
        roll, pitch = (math.nan, math.nan) if unknown else roll_pitch(q.x, q.y, q.z, q.w)
        self._listener.tilted(roll, pitch, seconds(message.header))


def roll_pitch(x: float, y: float, z: float, w: float) -> tuple[float, float]:
    """Roll and pitch (rad) of a unit quaternion, as fixed-axis angles (REP-103); NaN if it is none."""
    if not 0.9 < x * x + y * y + z * z + w * w < 1.1:
        return math.nan, math.nan
    roll = math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    return roll, math.asin(min(max(2 * (w * y - z * x), -1.0), 1.0))
