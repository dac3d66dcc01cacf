"""A robot has one driver: of two, the later one yields."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from driver_process import driver
from driver_world import START, World
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from robot_files import write_robot
from std_msgs.msg import Bool, UInt64

from dreamer_drivers.node import DriverNode
from dreamer_drivers.rivals import NEW
from dreamer_interfaces.msg import JointCommand
from dreamer_node import qos
from dreamer_node.testing import wait_for


@contextlib.contextmanager
def another(world: World, **parameters: float) -> Iterator[DriverNode]:
    """A driver beside that of the world."""
    made = world.make_driver(**parameters)
    world.executor.add_node(made)
    try:
        yield made
    finally:
        world.executor.remove_node(made)
        made.destroy_node()


def test_of_two_that_start_together_the_earlier_one_drives(world: World) -> None:
    world.restart()
    # Neither has looked for the other, nor has anything been spun.
    with another(world) as later:
        world.until(lambda: later.stop.code is not None and world.driver.ready)
        assert (world.driver.stop.code, later.stop.code) == (None, 2)
        commands = [world.step(step) for step in range(3)]
        assert {command.mode for command in commands} == {JointCommand.ACTIVE}
        assert [command.step for command in world.commands] == [2]


def test_one_that_is_found_late_is_yielded_to(world: World) -> None:
    world.step(0)
    assert world.driver.ready
    start_times = world.peer.create_publisher(UInt64, 'joint_command/driver_start_time', qos.LATCHED)
    # One that has only just started yields itself, though its clock may be far behind.
    start_times.publish(UInt64(data=NEW + 1))
    assert start_times.wait_for_all_acked(Duration(seconds=20))
    assert world.step(1).mode == JointCommand.ACTIVE
    assert world.driver.stop.code is None
    start_times.publish(UInt64(data=1))
    world.until(lambda: world.driver.stop.code == 2)
    world.commands.clear()
    world.set_time(START + 100_000_000)
    world.measure(START + 100_000_000)
    world.act(2)
    world.until(lambda: world.values()['actions'] == '3')
    assert not world.commands


def test_a_publisher_of_commands_that_is_no_driver_is_yielded_to_at_the_start(world: World) -> None:
    stranger = world.peer.create_publisher(JointCommand, 'joint_command', qos.COMMAND)
    world.restart()
    world.until(lambda: world.driver.stop.code == 2)
    assert world.driver.backend.conflict() == (
        f'{world.namespace}/joint_command: already published by {world.namespace}/peer; '
        'a robot has one driver: stop the other one, or start this one in another namespace'
    )
    world.peer.destroy_publisher(stranger)


def test_nothing_but_a_stop_is_sent_before_others_are_known(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('dreamer_drivers.node.DISCOVERY_TIME', 1e9)
    world.restart(command_rate=200.0)
    world.until(world.stop.get_subscription_count)
    world.set_time(START)
    world.measure(START)
    world.commands.clear()
    world.act(0, (1.0, 1.0))
    ticks: list[None] = []
    world.peer.create_timer(0.02, lambda: ticks.append(None), clock=Clock(clock_type=ClockType.STEADY_TIME))
    world.until(lambda: len(ticks) >= 10 and world.driver.gate.refused)
    assert not world.commands
    assert not world.driver.ready
    world.stop.publish(Bool(data=True))
    assert world.await_mode(JointCommand.DAMP).kp[0] == 0


def test_the_later_process_ends_with_code_2_and_one_line(tmp_path: Path) -> None:
    namespace = f'/rivals_test_{time.monotonic_ns()}'
    config_dir = write_robot(tmp_path)
    folders = [tmp_path / 'a', tmp_path / 'b']
    for folder in folders:
        folder.mkdir()
    with driver(namespace, folders[0], config_dir) as first, driver(namespace, folders[1], config_dir) as second:
        wait_for(lambda: first.poll() is not None or second.poll() is not None, 'one to end', 60)
        assert {first.poll(), second.poll()} == {None, 2}
        said = (folders[0] if first.poll() == 2 else folders[1]) / 'log'
        assert [line.count('another driver was there before') for line in said.read_text().splitlines()] == [1]
