"""The ROS side: parameters, topics and the rule which joint states are published.

Topics, QoS and parameters are those of the robot_state_publisher of ROS 2 Jazzy, with one difference: it subscribes to
joint_states only while someone reads /tf, so that a robot nobody looks at does not pay for its transforms.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any

import rclpy
from builtin_interfaces.msg import Time as TimeMsg
from geometry_msgs.msg import TransformStamped
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from rclpy.subscription import Subscription
from rclpy.time import Time
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from robot_state_publisher.kinematics import JointFrame
from robot_state_publisher.urdf import Mimic, Robot, UrdfError, parse_urdf

MAX_FREQUENCY = 1000.0   # Hz

DISMANTLE_TIME = 8.0
"""s after which the process ends with exit code 1 and its stack if the middleware hangs at the end."""

READERS_PERIOD = 0.2
"""s of wall time between two looks at who reads /tf."""


class RobotStatePublisher(Node):
    """Publishes /tf from joint_states, and /tf_static and robot_description latched.

    `urdf_file` is read where the parameter robot_description is empty.

    Raises:
        UrdfError: the robot's description cannot be used.
        ValueError: the file cannot be read, or publish_frequency is out of range.
    """

    def __init__(self, urdf_file: str | None = None) -> None:
        super().__init__('robot_state_publisher')
        description = self._declare('robot_description', '', 'the robot as a URDF document')
        if not description and urdf_file is not None:
            description = self._read_description(urdf_file)
        frequency = self._declare('publish_frequency', 20.0, 'upper bound in Hz for /tf; 0 = every joint state')
        self._prefix: str = self._declare('frame_prefix', '', 'put before every frame name')
        self._ignore_timestamp: bool = self._declare('ignore_timestamp', False, 'take joint states whatever their stamp')
        reason = _frequency_fault(frequency)
        if reason:
            raise ValueError(reason)
        self._period = _period(frequency)
        self._last_published: dict[str, int] = {}
        self._last_received = 0
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._tf = self.create_publisher(TFMessage, '/tf', QoSProfile(depth=100))
        self._tf_static = self.create_publisher(TFMessage, '/tf_static', latched)
        self._description = self.create_publisher(String, 'robot_description', latched)
        self._use_robot(description, parse_urdf(description))
        self._joint_states: Subscription | None = None
        self._look_for_readers()
        self.create_timer(READERS_PERIOD, self._look_for_readers, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)

    def _declare(self, name: str, default: str | float | bool, description: str) -> Any:
        return self.declare_parameter(name, default, ParameterDescriptor(description=description)).value

    def _read_description(self, file: str) -> str:
        """The file's text, which becomes the parameter robot_description."""
        self.get_logger().warning(
            'No robot_description parameter, but command-line argument available.  Assuming argument is name of URDF file.'
            '  This backwards compatibility fallback will be removed in the future.'
        )
        try:
            description = Path(file).read_bytes().decode()
        except OSError as error:
            raise ValueError(f'Failed to open URDF file: {file}: {error.strerror}') from error
        except UnicodeDecodeError as error:
            raise ValueError(f'{file} is not UTF-8 text: {error}') from error
        self.set_parameters([Parameter('robot_description', value=description)])
        return description

    def _use_robot(self, description: str, robot: Robot) -> None:
        frames = {name: JointFrame.of(joint) for name, joint in robot.joints.items()}
        self._moving = {name: frame for name, frame in frames.items() if frame.joint.moves}
        self._static = [frame for frame in frames.values() if frame.joint.static]
        self._mimics: list[tuple[str, Mimic]] = [(j.name, j.mimic) for j in robot.joints.values() if j.mimic is not None]
        self._description.publish(String(data=description))
        self._publish_static()
        self.get_logger().info(
            f"robot '{robot.name}': {len(robot.links)} links, {len(self._moving)} moving joints, root '{robot.root}'"
        )

    def _publish_static(self) -> None:
        now = self.get_clock().now().to_msg()
        self._tf_static.publish(TFMessage(transforms=[self._transform(frame, 0.0, now) for frame in self._static]))

    def _transform(self, frame: JointFrame, position: float, stamp: TimeMsg) -> TransformStamped:
        message = TransformStamped()
        message.header.stamp = stamp
        message.header.frame_id = self._prefix + frame.joint.parent
        message.child_frame_id = self._prefix + frame.joint.child
        (x, y, z), (qx, qy, qz, qw) = frame.pose(position)
        translation, rotation = message.transform.translation, message.transform.rotation
        translation.x, translation.y, translation.z = x, y, z
        rotation.x, rotation.y, rotation.z, rotation.w = qx, qy, qz, qw
        return message

    def _look_for_readers(self) -> None:
        """Listen while someone reads /tf: joint states for nobody would cost the control loops beside this node their time."""
        wanted = self._tf.get_subscription_count() > 0
        if wanted and self._joint_states is None:
            self._joint_states = self.create_subscription(
                JointState, 'joint_states', self._on_joint_state, qos_profile_sensor_data
            )
        elif not wanted and self._joint_states is not None:
            self.destroy_subscription(self._joint_states)
            self._joint_states = None

    def _on_joint_state(self, state: JointState) -> None:
        if len(state.name) != len(state.position):
            self.get_logger().warning(
                f'ignored a JointState with {len(state.name)} names and {len(state.position)} positions',
                throttle_duration_sec=5.0,
            )
            return
        stamp = Time.from_msg(state.header.stamp).nanoseconds
        if not self._is_due(state.name, stamp):
            return
        positions = dict(zip(state.name, state.position))
        for name, mimic in self._mimics:
            if mimic.joint in positions:
                positions.setdefault(name, mimic.multiplier * positions[mimic.joint] + mimic.offset)
        transforms = [
            self._transform(self._moving[name], position, state.header.stamp)
            for name, position in positions.items()
            if name in self._moving
        ]
        if transforms:
            self._tf.publish(TFMessage(transforms=transforms))
        for name in state.name:
            self._last_published[name] = stamp

    def _is_due(self, names: Iterable[str], stamp: int) -> bool:
        """A joint never published counts as published at time zero, so that a zero stamp is never due."""
        now = self.get_clock().now().nanoseconds
        if now < self._last_received:
            self.get_logger().warning('time moved backwards: joint transforms start anew')
            self._last_published.clear()
        self._last_received = now
        if self._ignore_timestamp:
            return True
        oldest = min([now, *(self._last_published.get(name, 0) for name in names)])
        return stamp > 0 and stamp >= oldest + self._period

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            reason = ''
            if parameter.name == 'publish_frequency':
                reason = _frequency_fault(parameter.value)
            elif parameter.name == 'robot_description':
                try:
                    parse_urdf(parameter.value)
                except UrdfError as error:
                    reason = f'robot_description: {error}'
            if reason:
                return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    def _apply_parameters(self, parameters: list[Parameter]) -> None:
        for parameter in parameters:
            if parameter.name == 'publish_frequency':
                self._period = _period(parameter.value)
            elif parameter.name == 'ignore_timestamp':
                self._ignore_timestamp = parameter.value
            elif parameter.name == 'frame_prefix':
                self._prefix = parameter.value
                self._publish_static()
            elif parameter.name == 'robot_description':
                self._use_robot(parameter.value, parse_urdf(parameter.value))


def _frequency_fault(frequency: float) -> str:
    if 0.0 <= frequency <= MAX_FREQUENCY:
        return ''
    return f'publish_frequency must be between 0.0 and {MAX_FREQUENCY} Hz, is {frequency}'


def _period(frequency: float) -> int:
    """Nanoseconds, in whole milliseconds as the stock node counts them: 30 Hz lets a message every 33 ms through."""
    return int(1000.0 / frequency) * 1_000_000 if frequency > 0.0 else 0


def main(args: list[str] | None = None) -> int:
    """Runs until a signal; exit code 1 and one line where a parameter cannot be used."""
    stopped = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        # Nothing is raised here, so a second signal does not cut the shutdown short, and no callback loses its context. No
        # threading.Event: a signal while another one sets it would wait for its lock for ever.
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    node: RobotStatePublisher | None = None
    try:
        node = RobotStatePublisher(*remove_ros_args(args)[1:2])
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        while not stopped:
            executor.spin_once(timeout_sec=0.1)
    except UrdfError as error:
        return _fail(f'robot_description: {error}')
    except (ValueError, ParameterException) as error:
        return _fail(str(error))
    finally:
        # From a thread that needs no lock of the interpreter, which the middleware holds while it is taken apart.
        faulthandler.dump_traceback_later(DISMANTLE_TIME, exit=True)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _fail(reason: str) -> int:
    print(f'robot_state_publisher: {reason}', file=sys.stderr)
    return 1
