"""The ROS side of sensing: joint_states, imu and camera in, observation (and odometry) out."""

from __future__ import annotations

import functools
import time
from array import array
from collections.abc import Callable

import numpy as np
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image, Imu, JointState

from dreamer_interfaces.msg import JointCommand, Observation
from dreamer_node import realtime
from dreamer_node.diagnostics import OK, WARN, Diagnostics, Recent, Report
from dreamer_node.node import Node
from dreamer_node.qos import SENSOR, STANDARD, STEPS_KEPT
from dreamer_node.refusals import Refusals, Refused
from dreamer_node.robot import assignment
from dreamer_node.runtime import declare, run_node
from dreamer_node.wire import nanoseconds, pack
from dreamer_sensing.alignment import Action, Aligner, Kind
from dreamer_sensing.images import ImageReader
from dreamer_sensing.observer import GAP_PERIODS, Observer, SensedStep
from dreamer_sensing.odometry_publisher import OdometryPublisher
from dreamer_sensing.proprioception import JointReader, read_imu, rotation_matrix
from dreamer_sensing.reading import SensorReading, check_vector
from dreamer_sensing.settings import load_sensing


class SensingNode(Node):
    """Publishes one observation per control period, numbered and flagged, with the task's reward."""

    def __init__(self) -> None:
        super().__init__('sensing')
        folder, robot, _, task = assignment(self)
        source = str(declare(self, 'velocity_source', 'estimate', 'base velocity of the reward: estimate, ground_truth'))
        odometry = bool(declare(
            self, 'publish_odometry', False,
            'publish odom and the tf odom -> base from that velocity; not where a simulation or the robot does'))
        config, urdf = load_sensing(folder, robot)
        self._observer = Observer(task, config, urdf, source)
        self.execution = self._observer.execution
        self._joints = JointReader(config.joints, needs_motion=not self._observer.needs_truth)
        spec = self._observer.image_spec
        self._aligner = Aligner(task.control_rate, self._observer.needs_truth, spec is not None, config.camera_max_age)
        self._refusals = Refusals(self.get_logger().warning)
        self._refusing, self._jumping = Recent(), Recent()
        self._said_extra = False
        self._control_rate = task.control_rate
        self._last: SensedStep | None = None
        self._repeats = 0
        self._reported = (time.monotonic(), 0)
        self._message = Observation(
            stream=self._observer.stream, reward=[0.0], is_first=[True], is_last=[False], is_terminal=[False]
        )
        self._publisher = self.create_publisher(Observation, 'observation', STEPS_KEPT)
        self._odometry = OdometryPublisher(self, config.base_link, GAP_PERIODS / task.control_rate) if odometry else None
        self.create_subscription(JointState, 'joint_states', functools.partial(self._guard, self._on_joints), SENSOR)
        # Listened to, not carried out: every command counts, also of those that came during a pause of this process.
        self.create_subscription(JointCommand, 'joint_command', self._on_command, STANDARD)
        self.create_subscription(Imu, 'imu', functools.partial(self._guard, self._on_imu), SENSOR)
        if self._observer.needs_truth:
            self.create_subscription(
                Odometry, 'ground_truth/odom', functools.partial(self._guard, self._on_truth), SENSOR
            )
        if spec is not None:
            self._images = ImageReader(spec, config.camera_crop)
            self.create_subscription(Image, 'camera/image_raw', functools.partial(self._guard, self._on_image), SENSOR)
        self._diagnostics = Diagnostics(self, robot)
        self._diagnostics.add('observations', self._report_observations)
        self._diagnostics.add('reward', self._report_reward)

    def _guard(self, callback: Callable[..., None], message: object) -> None:
        """Run a callback; a message that cannot be used is counted, and told once per cause."""
        try:
            callback(message)
        except Refused as refused:
            self._refusals.count(refused)

    def _on_command(self, message: JointCommand) -> None:
        self.execution.command(message.stream, message.step, message.mode == JointCommand.ACTIVE)

    def _on_joints(self, message: JointState) -> None:
        reading = self._joints.read(message.name, message.position, message.velocity, message.effort)
        if self._joints.order.extra and not self._said_extra:
            self._said_extra = True
            names = ', '.join(self._joints.order.extra)
            self.get_logger().warning(f"joint_states: ignoring joints that are not the robot's: {names} (said once)")
        self._take(Kind.JOINTS, message, reading)

    def _on_imu(self, message: Imu) -> None:
        # sensor_msgs/Imu: -1 says that the driver has no orientation.
        if message.orientation_covariance[0] == -1.0:
            raise Refused('orientation', 'imu gives no orientation (its covariance begins with -1)')
        turn, rate, force = message.orientation, message.angular_velocity, message.linear_acceleration
        reading = read_imu((turn.x, turn.y, turn.z, turn.w), (rate.x, rate.y, rate.z), (force.x, force.y, force.z))
        self._take(Kind.IMU, message, reading)

    def _on_truth(self, message: Odometry) -> None:
        turn, speed = message.pose.pose.orientation, message.twist.twist.linear
        rotation = rotation_matrix((turn.x, turn.y, turn.z, turn.w))
        velocity = rotation @ np.array([speed.x, speed.y, speed.z])
        check_vector('ground_truth/odom', velocity, 3)
        self._take(Kind.TRUTH, message, velocity)

    def _on_image(self, message: Image) -> None:
        image = self._images.read(message.encoding, message.height, message.width, message.step, message.data)
        self._take(Kind.IMAGE, message, image)

    def _take(self, kind: Kind, message: JointState | Imu | Odometry | Image, payload: object) -> None:
        for aligned in self._aligner.add(kind, nanoseconds(message.header), payload):
            if aligned.cut:
                self._observer.cut()
            if aligned.reading is None:
                self._repeat()
                continue
            try:
                velocity = self._observe(aligned.stamp, aligned.reading, aligned.action is Action.STEP)
            except Refused as refused:
                # What is sent again is a new reading: nothing was observed of this one.
                self._aligner.forget(aligned.stamp)
                self._refusals.count(refused)
                continue
            if self._odometry is not None:
                self._odometry.publish(aligned.stamp, aligned.reading, velocity)

    def _observe(self, stamp: int, reading: SensorReading, is_step: bool) -> np.ndarray:
        """Publish the observation of a reading that is a step; the base's velocity (3,) in the world frame, m/s."""
        if not is_step:
            return self._observer.track(reading)
        step = self._observer.step(reading)
        self._publish(stamp, step)
        return step.velocity

    def _repeat(self) -> None:
        """The sender asks again: the last observation, once there is one."""
        if self._last is not None:
            self._repeats += 1
            self._publisher.publish(self._message)

    def _publish(self, stamp: int, step: SensedStep) -> None:
        message = self._message
        if self._last is None:
            message.tensors = [pack(name, value) for name, value in step.tensors.items()]
        else:
            for tensor, value in zip(message.tensors, step.tensors.values()):
                tensor.data = array('B', value.tobytes())
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 1_000_000_000)
        message.step = step.step
        message.reward[0] = step.reward
        message.is_first[0] = step.is_first
        message.is_last[0] = step.is_last
        self._last = step
        self._publisher.publish(message)

    def _report_observations(self) -> Report:
        now, steps = time.monotonic(), 0 if self._last is None else self._last.step + 1
        (before, steps_before), self._reported = self._reported, (now, steps)
        aligner, execution = self._aligner, self.execution
        values: dict[str, object] = {
            'stream': self._observer.stream, 'steps': steps, 'rate': (steps - steps_before) / max(now - before, 1e-6),
            'repeated': self._repeats, 'dropped': aligner.dropped, 'late': aligner.late,
            'without_image': aligner.without_image, 'clock_jumps': aligner.jumps, 'overtaken': aligner.overtaken,
            'cuts': self._observer.cuts,
            'commands': execution.heard, 'not_carried_out': execution.refused, 'without_command': execution.missing,
            'extra_joints': len(self._joints.order.extra), 'realtime_priority': realtime.priority(),
        }
        values |= self._refusals.values()
        if steps == steps_before:
            return WARN, 'no observations: waiting for sensors', values
        refusing, jumping = self._refusing.rose(self._refusals.total), self._jumping.rose(aligner.jumps)
        if refusing:
            return WARN, f'{self._refusals.total} messages refused', values
        if jumping:
            return WARN, f'stamps went back {aligner.jumps} times', values
        return OK, 'observing', values

    def _report_reward(self) -> Report:
        if self._last is None:
            return OK, 'no observation yet', {}
        x, y, z = (float(value) for value in self._last.velocity)
        values: dict[str, object] = {'total': self._last.reward, **self._last.parts}
        values |= {'velocity_x': x, 'velocity_y': y, 'velocity_z': z, 'feet_standing': int(self._observer.contacts.sum())}
        return OK, f'{self._last.reward:.2f}', values


def main() -> int:
    """Run the node; returns the exit code."""
    return run_node(SensingNode, setup=realtime.prepare)
