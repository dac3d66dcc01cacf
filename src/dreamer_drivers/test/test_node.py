"""The driver among real topics: actions in, commands out."""

from __future__ import annotations

import functools
import itertools
import math
import time
from pathlib import Path

import numpy as np
import pytest
from driver_world import PERIOD, POSE, START, World, stamp_of
from rclpy.clock import Clock, ClockType
from robot_files import ROBOT
from sensor_msgs.msg import Imu, JointState

from dreamer_interfaces.msg import Action, JointCommand
from dreamer_node.wire import nanoseconds, pack


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


def test_a_joint_that_is_not_a_number_is_named(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    world.step(0)
    message = JointState(name=list(POSE), position=list(POSE.values()), velocity=[math.nan] * len(POSE))
    message.header.stamp = stamp_of(START + PERIOD)
    world.joints.publish(message)
    world.until(lambda: world.values()['refused.bad_sensor'] == '1')
    assert "joint_states refused: bad_sensor: velocity of 'hip_joint' is nan" in capfd.readouterr().err


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
    assert values['summary'].startswith('hold')
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


def test_two_actors_that_answer_the_same_steps_stop_the_robot_until_one_is_left(
        world: World, capfd: pytest.CaptureFixture[str]) -> None:
    def step_of_two(step: int) -> JointCommand:
        command = world.step(step, (0.1, 0.1))
        world.act(step, (-0.3, 0.2))
        # One after the other: the next step would make the second answer an old one.
        world.until(lambda: len([item for item in world.commands if item.step == step]) == 2)
        return command

    assert step_of_two(0).mode == JointCommand.ACTIVE
    assert step_of_two(1).mode == JointCommand.ACTIVE
    assert step_of_two(2).mode == JointCommand.ACTIVE
    assert step_of_two(3).mode == JointCommand.HOLD
    assert world.values()['refused.contradicted_action'] == '1'
    assert 'two actors answer each observation; stop one of them' in capfd.readouterr().err
    steps = iter(range(4, 1000))
    world.until(lambda: world.step(next(steps), (0.1, 0.1)).mode == JointCommand.ACTIVE)


def test_one_other_answer_to_a_step_is_that_of_an_actor_that_was_restarted(world: World) -> None:
    world.step(0, (0.1, 0.1))
    world.act(0, (-0.3, 0.2))
    assert [world.step(step, (0.1, 0.1)).mode for step in range(1, 5)] == 4 * [JointCommand.ACTIVE]


def test_an_older_step_is_held_and_another_stream_begins_anew(world: World) -> None:
    world.step(0)
    world.step(1)
    world.act(0)
    assert world.answer(0).mode == JointCommand.HOLD
    assert world.values()['refused.old_step'] == '1'
    assert world.step(2).mode == JointCommand.ACTIVE
    now = START + 3 * PERIOD
    world.set_time(now)
    world.measure(now)
    world.commands.clear()
    world.act(0, stream=6, now=now)
    command = world.answer(0)
    assert (command.stream, command.mode) == (6, JointCommand.ACTIVE)


def test_a_step_too_soon_after_the_last_one_is_answered_with_a_hold_and_counted(world: World) -> None:
    world.step(0)
    world.step(1, (0.5, 0.5))
    now = START + PERIOD + PERIOD // 4
    world.set_time(now)
    world.measure(now)
    world.act(2, (1.0, 1.0), now=now)
    command = world.answer(2)
    assert (command.mode, nanoseconds(command.header)) == (JointCommand.HOLD, now)
    values = world.values()
    assert (values['refused.too_soon'], values['summary']) == ('1', 'hold; lately: refused.too_soon')
    # In lockstep the sensors come again: the answer stays the same, and only the next step moves.
    world.commands.clear()
    world.act(2, (1.0, 1.0), now=now)
    assert world.answer(2) == command
    assert world.values()['refused.too_soon'] == '1'
    assert world.step(3).mode == JointCommand.ACTIVE


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
    wall = Clock(clock_type=ClockType.STEADY_TIME)
    world.peer.create_timer(0.02, lambda: ticks.append(None), clock=wall)
    world.until(lambda: len(ticks) >= 10)
    assert not world.commands
    world.step(0)
    ticks.clear()
    world.until(lambda: len(ticks) >= 20)
    assert len(world.commands) == 1
    assert world.driver.gate.mode == JointCommand.ACTIVE


def test_reset_service_damps_and_starts_from_the_measured_pose(world: World) -> None:
    world.step(0)
    world.step(1, (0.5, 0.5))
    assert world.call('reset').success
    world.await_mode(JointCommand.DAMP)
    assert list(world.step(2, (1.0, 1.0)).position) == pytest.approx([0.1, -0.5])
    assert list(world.step(3, (1.0, 1.0)).position) == pytest.approx([0.8, 1.5])


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


def test_a_robot_that_may_fall_needs_its_imu(ros: None, tmp_path: Path) -> None:
    world = World(tmp_path, robot=ROBOT.replace('soft_start: 0.0', 'soft_start: 0.0\n  fall_angle: 1.0'))
    steps = itertools.count(1)

    def tilted(roll: float, covariance: float = 0.0) -> Imu:
        message = Imu()
        message.orientation.x, message.orientation.w = math.sin(roll / 2), math.cos(roll / 2)
        message.orientation_covariance[0] = covariance
        return message

    def answered_with(message: Imu, mode: int) -> bool:
        """Whether the next step, with this message of the IMU, is answered so."""
        step = next(steps)
        message.header.stamp = stamp_of(START + step * PERIOD)
        world.imu.publish(message)
        return world.step(step).mode == mode

    try:
        world.until(world.imu.get_subscription_count)
        world.set_time(START)
        world.measure(START)
        world.act(0)
        world.until(lambda: world.values()['refused.no_sensor_data'] == '1')
        assert not world.commands
        for message, mode in [
            (tilted(0.5), JointCommand.ACTIVE), (tilted(1.2), JointCommand.DAMP), (tilted(0.5), JointCommand.ACTIVE),
            (tilted(0.5, covariance=-1.0), JointCommand.DAMP),
        ]:
            world.until(functools.partial(answered_with, message, mode))
        assert world.values()['refused.fallen'] != '0'
    finally:
        world.close()


def test_setpoints_between_actions_with_a_command_rate(ros: None, tmp_path: Path) -> None:
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


def test_setpoints_end_where_time_stands_still_and_go_on_with_it(
        ros: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('dreamer_drivers.node.STANDSTILL', 0.1)
    world = World(tmp_path, command_rate=200.0)

    def silent() -> bool:
        """Whether nothing came in the time of 20 set-points."""
        world.commands.clear()
        end = time.monotonic() + 0.1
        world.until(lambda: time.monotonic() > end)
        return not world.commands

    try:
        world.step(0)
        world.until(silent)
        assert world.step(1).mode == JointCommand.ACTIVE
        world.set_time(START + PERIOD + PERIOD // 2)
        world.commands.clear()
        world.until(lambda: world.commands)
    finally:
        world.close()
