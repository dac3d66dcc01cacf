"""The driver among real topics, on a clock that the test turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock as SteadyClock
from rclpy.clock import ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from robot_files import write_robot
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from dreamer_drivers.node import DriverNode
from dreamer_interfaces.msg import Action, JointCommand
from dreamer_learning.config import ConfigError
from dreamer_node import qos
from dreamer_node.wire import nanoseconds, pack

PERIOD = 50_000_000
"""ns"""
START = 100 * PERIOD
POSE = {'knee_joint': -0.5, 'other_joint': 9.0, 'hip_joint': 0.1}


def stamp_of(now: int) -> Time:
    return Time(sec=now // 10**9, nanosec=now % 10**9)


class World:
    """Plays bridge, actor and person beside one driver."""

    def __init__(self, folder: Path, **parameters: Any) -> None:
        self.namespace = f'/driver_test_{time.monotonic_ns()}'
        self.config_dir = write_robot(folder)
        self.peer = rclpy.create_node('peer', namespace=self.namespace)
        self.commands: list[JointCommand] = []
        self.reports: list[DiagnosticArray] = []
        self.peer.create_subscription(JointCommand, 'joint_command', self.commands.append, qos.STANDARD)
        self.peer.create_subscription(DiagnosticArray, 'diagnostics', self.reports.append, qos.STANDARD)
        create = self.peer.create_publisher
        self.clock = create(Clock, 'clock', qos.CLOCK)
        self.joints = create(JointState, 'joint_states', qos.STANDARD)
        self.actions = create(Action, 'action', qos.STEPS_KEPT)
        self.stop = create(Bool, 'emergency_stop', qos.STANDARD)
        self.driver = self.make_driver(**parameters)
        self.executor = SingleThreadedExecutor()
        for node in (self.peer, self.driver):
            self.executor.add_node(node)
        publishers = (self.clock, self.joints, self.actions, self.stop)
        self.until(lambda: all(publisher.get_subscription_count() for publisher in publishers))
        self.until(lambda: self.peer.count_publishers('joint_command') == 1)

    def make_driver(self, **parameters: Any) -> DriverNode:
        values = {'config_dir': str(self.config_dir), 'robot': 'twig', 'task': 'twig_task', 'use_sim_time': True} | parameters
        return DriverNode(
            namespace=self.namespace,
            cli_args=['--ros-args', '-r', '/clock:=clock', '-r', '/diagnostics:=diagnostics'],
            parameter_overrides=[Parameter(name, value=value) for name, value in values.items()],
        )

    def close(self) -> None:
        self.executor.shutdown()
        self.driver.close()
        self.driver.destroy_node()
        self.peer.destroy_node()

    def until(self, condition: Callable[[], Any], timeout: float = 10.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, 'the condition did not come true in time'
            self.executor.spin_once(timeout_sec=0.01)

    def set_time(self, now: int) -> None:
        self.clock.publish(Clock(clock=stamp_of(now)))
        self.until(lambda: self.driver.get_clock().now().nanoseconds == now)

    def measure(self, now: int, pose: dict[str, float] | None = None) -> None:
        values = POSE if pose is None else pose
        message = JointState(name=list(values), position=list(values.values()), velocity=[0.0] * len(values))
        message.header.stamp = stamp_of(now)
        self.joints.publish(message)
        self.until(lambda: self.driver._measured_stamp == pytest.approx(now * 1e-9))

    def act(self, step: int, action: Any = (0.0, 0.0), stream: int = 5, now: int | None = None) -> None:
        message = Action(stream=stream, step=step, action=pack('action', np.array([action], np.float32)))
        message.header.stamp = stamp_of(START + step * PERIOD if now is None else now)
        self.actions.publish(message)

    def step(self, step: int, action: Any = (0.0, 0.0)) -> JointCommand:
        """One control period; the command that answers it."""
        now = START + step * PERIOD
        self.set_time(now)
        self.measure(now)
        self.commands.clear()
        self.act(step, action)
        return self.answer(step)

    def answer(self, step: int) -> JointCommand:
        """The first command that answers this step, of those not yet cleared."""
        self.until(lambda: any(command.step == step for command in self.commands))
        return next(command for command in self.commands if command.step == step)

    def await_mode(self, mode: int) -> JointCommand:
        self.commands.clear()
        self.until(lambda: any(command.mode == mode for command in self.commands))
        return next(command for command in self.commands if command.mode == mode)

    def call(self, service: str) -> Trigger.Response:
        client = self.peer.create_client(Trigger, service)
        self.until(client.service_is_ready)
        future = client.call_async(Trigger.Request())
        self.until(future.done)
        return future.result()

    def values(self) -> dict[str, str]:
        self.reports.clear()
        self.driver._diagnostics.publish()
        self.until(lambda: self.reports)
        status = self.reports[-1].status[0]
        return {'level': status.level, 'summary': status.message} | {item.key: item.value for item in status.values}


@pytest.fixture(scope='module', autouse=True)
def _ros() -> Iterator[None]:
    rclpy.init()
    yield
    rclpy.shutdown()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def test_each_action_is_answered_with_one_command_of_the_same_stamp(world: World) -> None:
    world.step(0)
    command = world.step(1, (1.0, -1.0))
    assert (command.stream, command.step, command.mode) == (5, 1, JointCommand.ACTIVE)
    assert nanoseconds(command.header) == START + PERIOD
    assert command.name == ['hip_joint', 'knee_joint']
    assert list(command.position) == pytest.approx([0.8, -1.0])
    assert list(command.velocity) == list(command.effort) == [0, 0]
    assert (list(command.kp), list(command.kd)) == ([80, 40], [1, 2])
    assert (command.duration, command.max_deviation) == (0.05, 0.2)
    world.step(2)
    assert len(world.commands) == 1


def test_a_retry_gets_the_same_command_again(world: World) -> None:
    world.step(0)
    first = world.step(1, (0.5, 0.5))
    world.commands.clear()
    world.act(1, (-1.0, -1.0))
    assert world.answer(1) == first
    assert world.values()['actions'] == '3'


def test_an_action_before_joint_states_is_refused_and_the_retry_is_answered(world: World) -> None:
    world.set_time(START)
    world.act(0)
    world.until(lambda: world.driver.gate.refused)
    assert world.values()['refused.no_sensor_data'] == '1'
    assert not world.commands
    assert world.step(0).mode == JointCommand.ACTIVE


@pytest.mark.parametrize(('change', 'cause'), [
    ({'action': (np.nan, 0.0)}, 'not_finite'),
    ({'action': (0.0, 0.0, 0.0)}, 'wrong_shape'),
    ({'action': (0.0, 0.0), 'now': START - 10 * PERIOD}, 'stale_action'),
])
def test_refused_actions_are_answered_with_a_hold(world: World, change: dict, cause: str) -> None:
    world.step(0)
    world.step(1, (0.5, 0.5))
    now = START + 2 * PERIOD
    world.set_time(now)
    world.measure(now)
    world.act(2, **change)
    command = world.answer(2)
    assert command.mode == JointCommand.HOLD
    assert nanoseconds(command.header) == change.get('now', now)
    assert list(command.position) == pytest.approx([0.4, 0.875])
    values = world.values()
    assert values[f'refused.{cause}'] == '1'
    assert values['summary'] == 'hold'
    assert world.step(3).mode == JointCommand.ACTIVE


@pytest.mark.parametrize('spoil', ['bytes', 'no_environment', 'discrete'])
def test_malformed_tensors_are_refused(world: World, spoil: str) -> None:
    world.step(0)
    message = Action(stream=5, step=1)
    message.header.stamp = stamp_of(START)
    if spoil == 'bytes':
        message.action = pack('action', np.zeros((1, 2), np.float32))
        message.action.data = message.action.data[:-1]
    else:
        message.action = pack('action', np.zeros(2, np.float32) if spoil == 'no_environment' else np.zeros(1, np.int32))
    world.actions.publish(message)
    assert world.answer(1).mode == JointCommand.HOLD
    cause = {'bytes': 'malformed_action', 'no_environment': 'wrong_shape', 'discrete': 'wrong_type'}[spoil]
    assert world.values()[f'refused.{cause}'] == '1'


def test_an_older_step_is_held_and_another_stream_begins_anew(world: World) -> None:
    world.step(0)
    world.step(1)
    world.act(0)
    assert world.answer(0).mode == JointCommand.HOLD
    assert world.values()['refused.old_step'] == '1'
    assert world.step(2).mode == JointCommand.ACTIVE
    world.act(0, stream=6, now=START + 2 * PERIOD)
    command = world.answer(0)
    assert (command.stream, command.mode) == (6, JointCommand.ACTIVE)


def test_hold_then_damp_when_actions_stay_away(world: World) -> None:
    world.step(0)
    world.step(1, (0.5, 0.5))
    world.set_time(START + PERIOD + 250_000_000)
    command = world.await_mode(JointCommand.HOLD)
    assert list(command.position) == pytest.approx([0.4, 0.875])
    # A command of the watchdog answers nothing new: a simulation in lockstep does not take it for an answer.
    assert (command.step, nanoseconds(command.header)) == (1, START + PERIOD)
    world.set_time(START + PERIOD + 1_050_000_000)
    command = world.await_mode(JointCommand.DAMP)
    assert (list(command.kp), list(command.kd)) == ([0, 0], [3, 4])


def test_nothing_is_sent_before_the_first_action_nor_while_time_stands_still(world: World) -> None:
    world.set_time(START)
    world.measure(START)
    ticks: list[None] = []
    # Ticks of wall time at the rate of the driver's watchdog.
    wall = SteadyClock(clock_type=ClockType.STEADY_TIME)
    world.peer.create_timer(0.02, lambda: ticks.append(None), clock=wall)
    world.until(lambda: len(ticks) >= 10)
    assert not world.commands
    world.step(0)
    ticks.clear()
    world.until(lambda: len(ticks) >= 20)
    assert len(world.commands) == 1
    assert world.driver.gate.mode == JointCommand.ACTIVE


def test_emergency_stop_damps_latches_and_is_cleared_by_the_service(world: World) -> None:
    world.step(0)
    world.step(1)
    world.stop.publish(Bool(data=True))
    world.await_mode(JointCommand.DAMP)
    command = world.step(2, (1.0, 1.0))
    assert (command.mode, nanoseconds(command.header)) == (JointCommand.DAMP, START + 2 * PERIOD)
    assert world.values()['summary'] == 'emergency stop'
    answer = world.call('clear_emergency_stop')
    assert not answer.success
    assert 'publish false first' in answer.message
    world.stop.publish(Bool(data=False))
    world.until(lambda: not world.driver.gate._stop_requested)
    assert world.step(3).mode == JointCommand.DAMP
    assert world.call('clear_emergency_stop').success
    assert world.step(4).mode == JointCommand.ACTIVE
    assert int(world.values()['refused.emergency_stop']) == 2


def test_a_stop_that_was_set_before_the_driver_came(tmp_path: Path) -> None:
    namespace_node = rclpy.create_node('early')
    try:
        world = World(tmp_path)
        latched = namespace_node.create_publisher(Bool, f'{world.namespace}/emergency_stop', qos.LATCHED)
        latched.publish(Bool(data=True))
        world.driver.close()
        world.executor.remove_node(world.driver)
        world.driver.destroy_node()
        world.driver = world.make_driver()
        world.executor.add_node(world.driver)
        world.until(lambda: world.driver.gate.stopped)
        assert world.await_mode(JointCommand.DAMP).kp[0] == 0
        world.close()
    finally:
        namespace_node.destroy_node()


def test_reset_service_damps_and_starts_from_the_measured_pose(world: World) -> None:
    world.step(0)
    world.step(1, (0.5, 0.5))
    assert world.call('reset').success
    world.await_mode(JointCommand.DAMP)
    assert list(world.step(2, (1.0, 1.0)).position) == pytest.approx([0.1, -0.5])
    assert list(world.step(3, (1.0, 1.0)).position) == pytest.approx([0.8, 1.5])


def test_unusable_joint_states_are_reported(world: World) -> None:
    message = JointState(name=['hip_joint'], position=[0.0])
    world.joints.publish(message)
    world.until(lambda: world.driver._sensor_faults == 1)
    values = world.values()
    assert values['unusable_joint_states'] == '1'
    assert values['last_sensor_fault'] == 'joint_states: missing knee_joint'


def test_a_clock_that_jumps_back_starts_anew(world: World) -> None:
    for step in range(20, 23):
        world.step(step, (1.0, 1.0))
    world.act(0, stream=9, now=START)
    world.set_time(START)
    world.measure(START)
    world.commands.clear()
    world.act(1, (1.0, 1.0), stream=9, now=START)
    command = world.answer(1)
    assert command.mode == JointCommand.ACTIVE
    assert list(command.position) == pytest.approx([0.1, -0.5])
    assert world.values()['event.clock_jump'] == '1'


def test_setpoints_between_actions_with_a_command_rate(tmp_path: Path) -> None:
    world = World(tmp_path, command_rate=200.0)
    try:
        world.step(0)
        world.step(1, (0.25, -0.5))
        world.set_time(START + PERIOD + PERIOD // 2)
        # From the pose (0.1, -0.5) half way to (0.2, -0.375), once the new time has reached the driver.
        world.until(lambda: world.commands and list(world.commands[-1].position) == pytest.approx([0.15, -0.4375]))
        command = world.commands[-1]
        assert (command.duration, command.step, command.mode) == (0.005, 1, JointCommand.ACTIVE)
    finally:
        world.close()


def test_a_second_driver_is_refused(world: World) -> None:
    with pytest.raises(ConfigError, match=f'{world.namespace}/joint_command: already published by {world.namespace}/driver'):
        world.make_driver()


def test_another_publisher_that_comes_later_is_reported(world: World) -> None:
    other = world.peer.create_publisher(JointCommand, 'joint_command', qos.COMMAND)
    world.until(lambda: world.peer.count_publishers('joint_command') == 2)
    assert world.values()['summary'] == '1 other publishers on joint_command'
    world.peer.destroy_publisher(other)


def test_unknown_backend_names_the_allowed_ones(world: World) -> None:
    with pytest.raises(ConfigError, match="parameter backend: unknown 'simulaton'; did you mean 'simulation'"):
        world.make_driver(backend='simulaton')
