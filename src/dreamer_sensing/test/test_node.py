"""The node in this process: messages in, observations out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from dog import LEGS, STANDING
from nav_msgs.msg import Odometry
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image, Imu, JointState
from tf2_msgs.msg import TFMessage

from dreamer_interfaces.msg import JointCommand, Observation
from dreamer_learning.config import ConfigError
from dreamer_node.qos import COMMAND, STANDARD, STEPS_KEPT
from dreamer_node.wire import nanoseconds, unpack_observation
from dreamer_sensing.node import SensingNode

PERIOD = 50_000_000
DEADLINE = 20.0


class Bench:
    """The node under test, with a robot's publishers and an agent's subscription around it."""

    def __init__(self, config_folder: Path, parameters: dict[str, str]) -> None:
        values = {'config_dir': str(config_folder), 'robot': 'dog', 'task': 'walk'} | parameters
        arguments = ['--ros-args', '-r', f'__ns:=/sensing_test_{os.getpid()}']
        for name, value in values.items():
            arguments += ['-p', f'{name}:={value}']
        rclpy.init(args=arguments)
        self._executor = SingleThreadedExecutor()
        self._nodes: list[Node] = []
        self.observations: list[Observation] = []
        self.motions: list[Odometry] = []
        self.frames: list[TFMessage] = []
        self.diagnostics: dict[str, str] = {}
        self.summaries: dict[str, str] = {}

    def start(self) -> None:
        self.node = SensingNode()
        robot = Node('robot')
        self._nodes = [self.node, robot]
        self._joints = robot.create_publisher(JointState, 'joint_states', STANDARD)
        self._imu = robot.create_publisher(Imu, 'imu', STANDARD)
        self._odometry = robot.create_publisher(Odometry, 'ground_truth/odom', STANDARD)
        self._image = robot.create_publisher(Image, 'camera/image_raw', STANDARD)
        self._command = robot.create_publisher(JointCommand, 'joint_command', COMMAND)
        robot.create_subscription(Observation, 'observation', self.observations.append, STEPS_KEPT)
        robot.create_subscription(Odometry, 'odom', self.motions.append, STANDARD)
        robot.create_subscription(TFMessage, '/tf', self.frames.append, STANDARD)
        robot.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, STANDARD)
        for node in self._nodes:
            self._executor.add_node(node)
        self.wait(lambda: self.node.count_publishers('joint_states') == 1 and robot.count_publishers('observation') == 1)
        publishers = (self._joints, self._imu, self._command)
        self.wait(lambda: all(publisher.get_subscription_count() == 1 for publisher in publishers))

    def close(self) -> None:
        for node in self._nodes:
            self._executor.remove_node(node)
            node.destroy_node()
        self._executor.shutdown()
        rclpy.try_shutdown()

    def wait(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, 'the condition did not come true in time'
            self._executor.spin_once(timeout_sec=0.05)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.startswith(self.node.get_fully_qualified_name().lstrip('/')):
                self.diagnostics |= {item.key: item.value for item in status.values}
                self.summaries[status.name.split(': ')[1]] = status.message

    def joints(
        self, stamp: int, names: Sequence[str] = tuple(LEGS), position: Sequence[float] | np.ndarray = STANDING,
        effort: bool = True,
    ) -> None:
        message = JointState(name=list(names), position=[float(value) for value in position])
        message.velocity = [0.0] * len(names)
        message.effort = [0.0] * len(names) if effort else []
        _stamp(message, stamp)
        self._joints.publish(message)

    def command(self, observation: Observation, mode: int) -> None:
        """The driver's answer to an observation; returns when the node has it."""
        before = self.node.execution.heard
        self._command.publish(JointCommand(stream=observation.stream, step=observation.step, mode=mode))
        self.wait(lambda: self.node.execution.heard > before)

    def imu(
        self, stamp: int, orientation: Sequence[float] = (1.0, 0.0, 0.0, 0.0), covariance: float = 0.0,
        force: Sequence[float] = (0.0, 0.0, -9.81),
    ) -> None:
        message = Imu()
        _stamp(message, stamp)
        turn = message.orientation
        turn.x, turn.y, turn.z, turn.w = orientation
        message.angular_velocity.x, message.angular_velocity.y = 0.1, 0.2
        push = message.linear_acceleration
        push.x, push.y, push.z = force
        message.orientation_covariance[0] = covariance
        self._imu.publish(message)

    def odometry(self, stamp: int, orientation: Sequence[float], forward: float) -> None:
        message = Odometry()
        _stamp(message, stamp)
        turn = message.pose.pose.orientation
        turn.x, turn.y, turn.z, turn.w = orientation
        message.twist.twist.linear.x = forward
        self._odometry.publish(message)

    def image(self, stamp: int, encoding: str = 'rgb8', size: int = 4) -> None:
        message = Image(encoding=encoding, height=size, width=size, step=3 * size, data=bytes(range(3 * size * size)))
        _stamp(message, stamp)
        self._image.publish(message)

    def wait_for_image_reader(self) -> None:
        self.wait(lambda: self._image.get_subscription_count() == 1)

    def wait_for_odometry_reader(self) -> None:
        self.wait(lambda: self._odometry.get_subscription_count() == 1)

    def step(self, stamp: int, **joints: Any) -> Observation:
        """Publish one reading and wait for its observation."""
        count = len(self.observations)
        self.imu(stamp)
        self.joints(stamp, **joints)
        self.wait_for_observation(count)
        return self.observations[-1]

    def wait_for_observation(self, count: int) -> None:
        self.wait(lambda: len(self.observations) > count)

    def wait_for_motion(self, count: int) -> None:
        self.wait(lambda: len(self.motions) > count and len(self.frames) > count)

    def refused(self, cause: str, count: int = 1) -> None:
        self.wait(lambda: self.diagnostics.get(f'refused_{cause}') == str(count))


def _stamp(message: JointState | Imu | Odometry | Image, stamp: int) -> None:
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 1_000_000_000)


@pytest.fixture
def bench(config_folder: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(config_folder, getattr(request, 'param', {}))
    try:
        bench.start()
        yield bench
    finally:
        bench.close()


def test_observations_carry_stamp_step_reward_and_flags(bench: Bench) -> None:
    # A real robot's clock: nanoseconds that a float of seconds cannot hold.
    start = 1_700_000_000_123_456_789
    messages = [bench.step(start + PERIOD * k) for k in range(4)]
    assert [nanoseconds(message.header) for message in messages] == [start + PERIOD * k for k in range(4)]
    steps = [unpack_observation(message) for message in messages]
    assert [step.step for step in steps] == [0, 1, 2, 3]
    assert len({step.stream for step in steps}) == 1
    assert [step.is_first.tolist() for step in steps] == [[True], [False], [False], [False]]
    np.testing.assert_allclose([step.reward[0] for step in steps], [0.0, 5.0, 5.0, 5.0])
    expected = np.array([[*STANDING, np.pi, 0.0, 0.1, 0.2]], np.float32)
    np.testing.assert_allclose(steps[-1].tensors['proprioception'], expected, atol=1e-6)


def test_names_decide_and_bad_joint_states_are_refused_and_counted(bench: Bench) -> None:
    shuffled = np.random.default_rng(0).permutation(12)
    pose = STANDING + 0.01 * np.arange(12)
    first = bench.step(0, names=[LEGS[i] for i in shuffled], position=pose[shuffled])
    np.testing.assert_allclose(unpack_observation(first).tensors['proprioception'][0, :12], pose, atol=1e-6)
    bench.joints(PERIOD, names=LEGS[:11], position=STANDING[:11])
    bench.joints(PERIOD, names=[*LEGS[:11], LEGS[0]], position=STANDING)
    bench.joints(PERIOD, effort=False)
    bench.joints(PERIOD, position=[np.nan, *STANDING[1:]])
    bench.joints(PERIOD, position=STANDING[:11])
    for cause in ('missing_joint', 'repeated_joint', 'no_effort', 'not_finite', 'length'):
        bench.refused(cause)
    # None of them cost a step: the next good message completes the reading.
    message = bench.step(PERIOD)
    assert (message.step, list(message.is_first)) == (1, [False])


def test_joints_of_others_are_ignored_and_reported(bench: Bench) -> None:
    assert bench.step(0, names=['tail', *LEGS], position=[0.5, *STANDING]).step == 0
    bench.wait(lambda: bench.diagnostics.get('extra_joints') == '1')
    assert not any(name.startswith('refused') for name in bench.diagnostics)


def test_an_imu_without_orientation_is_refused(bench: Bench) -> None:
    bench.imu(0, orientation=(0.0, 0.0, 0.0, 0.0))
    bench.imu(0, covariance=-1.0)
    bench.refused('orientation', 2)
    assert bench.step(0).step == 0


def test_a_repeated_reading_publishes_the_last_observation_again(bench: Bench) -> None:
    bench.step(0)
    second = bench.step(PERIOD)
    again = bench.step(PERIOD)
    assert again == second
    assert bench.step(2 * PERIOD).step == 2


def test_a_reading_that_cannot_be_observed_is_taken_when_it_comes_again(bench: Bench) -> None:
    # Finite numbers whose sum is not: refused only where the reading is made an observation.
    bench.imu(0)
    bench.joints(0, position=[1e308] * 12)
    bench.refused('not_finite')
    first = bench.step(0)
    assert (first.step, len(first.tensors), len(bench.observations)) == (0, 1, 1)
    bench.imu(PERIOD)
    bench.joints(PERIOD, position=[1e308] * 12)
    bench.refused('not_finite', 2)
    second = bench.step(PERIOD)
    assert (second.step, nanoseconds(second.header), list(second.is_first)) == (1, PERIOD, [False])
    assert bench.step(PERIOD) == second
    assert bench.step(2 * PERIOD).step == 2


def test_what_follows_from_an_action_that_was_not_carried_out_begins_an_episode(bench: Bench) -> None:
    modes = [JointCommand.ACTIVE, JointCommand.DAMP, JointCommand.HOLD, JointCommand.ACTIVE, JointCommand.ACTIVE]
    messages = []
    for k, mode in enumerate(modes):
        messages.append(bench.step(PERIOD * k))
        bench.command(messages[-1], mode)
    assert [message.is_first[0] for message in messages] == [True, False, True, True, False]
    assert [message.step for message in messages] == [0, 1, 2, 3, 4]
    # The driver is away: observations go on, and after one further step each begins an episode.
    messages = [bench.step(PERIOD * k) for k in range(5, 9)]
    assert [message.is_first[0] for message in messages] == [False, False, True, True]
    bench.wait(lambda: bench.diagnostics.get('not_carried_out') == '2' and bench.diagnostics.get('without_command') == '2')


def test_warnings_end_though_totals_stay(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.imu(0, covariance=-1.0)
    bench.refused('orientation')
    stamps = iter(range(0, 10**6 * PERIOD, PERIOD))

    def level(summary: str) -> bool:
        bench.step(next(stamps))
        return bench.summaries.get('observations') == summary

    bench.wait(lambda: level('1 messages refused'))
    monkeypatch.setattr('dreamer_node.diagnostics.RECENT', 0.0)
    bench.wait(lambda: level('observing'))
    assert bench.diagnostics['refused_orientation'] == '1'


def test_a_clock_that_jumps_back_begins_an_episode(bench: Bench) -> None:
    bench.step(10 * PERIOD)
    bench.step(11 * PERIOD)
    message = bench.step(PERIOD)
    assert (message.step, list(message.is_first), list(message.reward)) == (2, [True], [0.0])
    assert list(bench.step(2 * PERIOD).is_first) == [False]
    bench.wait(lambda: bench.diagnostics.get('clock_jumps') == '1' and bench.diagnostics.get('cuts') == '1')
    bench.wait(lambda: bench.summaries.get('observations') == 'stamps went back 1 times')


def test_a_small_jump_back_between_two_steps_is_seen(bench: Bench) -> None:
    bench.step(0)
    bench.step(PERIOD)
    for offset in (20_000_000, 10_000_000):
        bench.imu(PERIOD + offset)
        bench.joints(PERIOD + offset)
    bench.wait(lambda: len(bench.observations) == 3)
    message = bench.observations[-1]
    assert (nanoseconds(message.header), list(message.is_first)) == (PERIOD + 10_000_000, [True])


@pytest.mark.parametrize('bench', [{'velocity_source': 'ground_truth'}], indirect=True)
def test_ground_truth_is_turned_into_the_world(bench: Bench) -> None:
    # Facing +y and walking forward: twist is in the base's frame.
    facing, standing = (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5)), np.tile([0.0, 0.8692, -1.6284], 4)
    bench.wait_for_odometry_reader()
    for k in range(2):
        count = len(bench.observations)
        bench.odometry(PERIOD * k, facing, 0.3)
        bench.imu(PERIOD * k, orientation=facing)
        bench.joints(PERIOD * k, position=standing)
        bench.wait_for_observation(count)
    assert bench.observations[1].reward[0] == pytest.approx(14.0, abs=0.01)


@pytest.mark.parametrize('bench', [{'velocity_source': 'ground_truth', 'publish_odometry': 'true'}], indirect=True)
def test_odometry_of_every_reading(bench: Bench) -> None:
    facing = (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5))
    bench.wait_for_odometry_reader()
    bench.wait(lambda: bench.node.count_subscribers('odom') == 1 and bench.node.count_subscribers('/tf') == 1)
    start, interval = 1_700_000_000_123_456_789, 10_000_000
    stamps = [start + interval * k for k in range(11)]
    for count, stamp in enumerate(stamps):
        bench.odometry(stamp, facing, 0.3)
        bench.imu(stamp, orientation=facing)
        bench.joints(stamp)
        bench.wait_for_motion(count)
    assert len(bench.observations) == 3
    assert [nanoseconds(motion.header) for motion in bench.motions] == stamps
    last, frame = bench.motions[-1], bench.frames[-1].transforms[0]
    assert (last.header.frame_id, last.child_frame_id) == (frame.header.frame_id, frame.child_frame_id) == ('odom', 'trunk')
    assert nanoseconds(frame.header) == stamps[-1]
    place, turn, twist = last.pose.pose.position, last.pose.pose.orientation, last.twist.twist
    # 100 ms at 0.3 m/s, along +y of the world and forward for the base.
    assert (place.x, place.y, place.z) == pytest.approx((0.0, 0.03, 0.0), abs=1e-6)
    assert (twist.linear.x, twist.linear.y, twist.linear.z) == pytest.approx((0.3, 0.0, 0.0), abs=1e-9)
    assert (twist.angular.x, twist.angular.y, twist.angular.z) == pytest.approx((0.1, 0.2, 0.0))
    assert (turn.x, turn.y, turn.z, turn.w) == pytest.approx(facing)
    moved, turned = frame.transform.translation, frame.transform.rotation
    assert (moved.x, moved.y, moved.z) == (place.x, place.y, place.z)
    assert (turned.x, turned.y, turned.z, turned.w) == (turn.x, turn.y, turn.z, turn.w)
    assert place.y > bench.motions[-2].pose.pose.position.y


@pytest.mark.parametrize('bench', [{'publish_odometry': 'true'}], indirect=True)
def test_odometry_of_the_estimated_velocity(bench: Bench) -> None:
    # Pushed forward at 1 m/s^2 in the air: only the IMU knows. On its back, so forward is +x and up is -z of the body.
    for k in range(3):
        bench.imu(PERIOD * k, force=(1.0, 0.0, -9.81))
        bench.joints(PERIOD * k)
        bench.wait_for_motion(k)
    speeds = [motion.twist.twist.linear.x for motion in bench.motions]
    # Means over the window of the estimate.
    assert speeds == pytest.approx([0.0, 0.025, 0.05], abs=1e-9)
    places = [motion.pose.pose.position.x for motion in bench.motions]
    assert places == pytest.approx([0.0, 0.000625, 0.0025], abs=1e-9)


def test_without_odometry_there_are_no_such_topics(bench: Bench) -> None:
    bench.step(0)
    assert [bench.node.count_publishers(topic) for topic in ('odom', '/tf')] == [0, 0]


@pytest.mark.parametrize('bench', [{'task': 'look'}], indirect=True)
def test_images(bench: Bench) -> None:
    bench.wait_for_image_reader()
    bench.image(0, encoding='32FC1')
    bench.refused('image_encoding')
    bench.image(0)
    bench.imu(0)
    bench.joints(0)
    bench.wait(lambda: len(bench.observations) == 1)
    image = unpack_observation(bench.observations[0]).tensors['image']
    assert (image.shape, image.dtype) == ((1, 2, 2, 3), np.uint8)


@pytest.mark.parametrize(('parameters', 'text'), [
    ({'task': 'wlak'}, "no file 'wlak.yaml'; did you mean 'walk'"),
    ({'robot': 'cat'}, "robot 'cat' and task 'walk' do not fit: that task is for robot 'dog'"),
    ({'velocity_source': 'truth'}, "velocity_source 'truth' does not exist"),
])
def test_bad_parameters_end_the_start(config_folder: Path, parameters: dict[str, str], text: str) -> None:
    bench = Bench(config_folder, parameters)
    try:
        with pytest.raises(ConfigError, match=text):
            bench.start()
    finally:
        bench.close()
