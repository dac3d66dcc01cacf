"""What the driver says of itself, and what it refuses at the start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from driver_world import POSE, START, World, stamp_of
from robot_files import ROBOT
from sensor_msgs.msg import JointState

from dreamer_interfaces.msg import Action, JointCommand
from dreamer_learning.config import ConfigError
from dreamer_node import diagnostics, qos


def test_unusable_joint_states_are_reported(world: World) -> None:
    message = JointState(name=['hip_joint'], position=[0.0])
    world.joints.publish(message)
    world.until(lambda: world.values()['unusable_joint_states'] == '1')
    values = world.values()
    assert values['last_sensor_fault'].startswith("joint_states: joint 'knee_joint' is missing")


def test_where_a_torque_is_bounded_joint_states_need_velocities(ros: None, tmp_path: Path) -> None:
    bounded = ROBOT.replace('damping: 3.0}', 'damping: 3.0, max_torque: 4.0}')
    world = World(tmp_path, robot=bounded, command_rate=200.0)
    try:
        world.set_time(START)
        message = JointState(name=list(POSE), position=list(POSE.values()))
        message.header.stamp = stamp_of(START)
        world.joints.publish(message)
        world.until(lambda: world.values()['unusable_joint_states'] == '1')
        assert world.values()['last_sensor_fault'].startswith('joint_states: no velocity, without which max_torque')
        world.act(0)
        world.until(lambda: world.values()['refused.no_sensor_data'] == '1')
        assert world.step(1).mode == JointCommand.ACTIVE  # commands of step 0, damped, go on until then
    finally:
        world.close()


def test_another_publisher_that_comes_later_is_reported(world: World) -> None:
    other = world.peer.create_publisher(JointCommand, 'joint_command', qos.COMMAND)
    world.until(lambda: world.peer.count_publishers('joint_command') == 2)
    assert world.values()['summary'] == '1 other publishers on joint_command'
    world.peer.destroy_publisher(other)


def test_unknown_backend_names_the_allowed_ones(world: World) -> None:
    with pytest.raises(ConfigError, match="parameter backend: unknown 'simulaton'; did you mean 'simulation'"):
        world.make_driver(backend='simulaton')


def test_a_second_actor_is_reported(world: World) -> None:
    world.step(0)
    assert world.values()['level'] == DiagnosticStatus.OK
    other = world.peer.create_publisher(Action, 'action', qos.STEPS_KEPT)
    world.until(lambda: world.driver.count_publishers('action') == 2)
    values = world.values()
    assert (values['level'], values['summary']) == (DiagnosticStatus.WARN, '2 publishers on action')
    world.peer.destroy_publisher(other)
    world.until(lambda: world.driver.count_publishers('action') == 1)
    assert world.values()['level'] == DiagnosticStatus.OK


def test_a_warning_of_refusals_ends_and_their_total_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.step(0)
    world.act(1, (np.nan, 0.0), now=START)
    world.answer(1)
    world.step(2)
    values = world.values()
    assert (values['level'], values['summary']) == (DiagnosticStatus.WARN, 'lately: refused.not_finite')
    monkeypatch.setattr(diagnostics, 'RECENT', 0.0)
    values = world.values()
    assert (values['level'], values['summary']) == (DiagnosticStatus.OK, 'active')
    assert values['refused.not_finite'] == '1'
