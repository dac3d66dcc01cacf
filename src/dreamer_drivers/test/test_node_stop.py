"""The emergency stop of the driver among real topics: who sets it, who ends it, what outlives the process."""

from __future__ import annotations

from pathlib import Path

import pytest
from driver_world import PERIOD, START, World, forbid_to_look
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from dreamer_interfaces.msg import JointCommand
from dreamer_node import qos
from dreamer_node.wire import nanoseconds


def latch(world: World, value: bool, profile: QoSProfile = qos.LATCHED) -> Publisher:
    """A source of its own that says this."""
    publisher = world.peer.create_publisher(Bool, 'emergency_stop', profile)
    publisher.publish(Bool(data=value))
    return publisher


def say(world: World, publisher: Publisher, value: bool) -> None:
    """Publish, and wait until the driver heard it on each subscription that matches a latched publisher."""
    before = world.driver.stop_messages
    publisher.publish(Bool(data=value))
    world.until(lambda: world.driver.stop_messages >= before + 3)


def clear(world: World) -> str:
    """Call clear_emergency_stop until the sources have been asked; empty when it was cleared, else why not."""
    while True:
        answer = world.call('clear_emergency_stop')
        if 'being asked' not in answer.message:
            return '' if answer.success else answer.message


def test_emergency_stop_damps_latches_and_is_cleared_by_the_service(world: World) -> None:
    world.step(0)
    world.step(1)
    world.stop.publish(Bool(data=True))
    world.await_mode(JointCommand.DAMP)
    command = world.step(2, (1.0, 1.0))
    assert (command.mode, nanoseconds(command.header)) == (JointCommand.DAMP, START + 2 * PERIOD)
    assert world.values()['summary'].startswith('emergency stop')
    answer = world.call('clear_emergency_stop')
    assert not answer.success
    assert 'publish false first' in answer.message
    world.stop.publish(Bool(data=False))
    world.until(lambda: not world.driver.gate.stop_requested)
    assert world.step(3).mode == JointCommand.DAMP
    assert world.call('clear_emergency_stop').success
    assert world.step(4).mode == JointCommand.ACTIVE
    assert int(world.values()['refused.emergency_stop']) == 2


@pytest.mark.parametrize('values', [[True], [True, False], [False, True]])
def test_a_stop_that_was_set_before_the_driver_came(world: World, values: list[bool]) -> None:
    sources = [world.peer.create_publisher(Bool, 'emergency_stop', qos.LATCHED) for _ in values]
    for source, value in zip(sources, values, strict=True):
        source.publish(Bool(data=value))
    assert not list(world.state_dir.iterdir()), 'nothing is heard before the driver spins'
    world.restart()
    world.until(lambda: world.driver.gate.stopped)
    assert world.await_mode(JointCommand.DAMP).kp[0] == 0


def test_no_action_is_carried_out_before_an_earlier_stop_is_known(world: World) -> None:
    world.restart()
    source = latch(world, True)
    world.until(lambda: world.driver.gate.stopped)
    for path in world.state_dir.iterdir():
        path.unlink()
    world.commands.clear()
    # Nothing spins while the new driver starts: joint states and an action wait for it beside the stop.
    world.restart(use_sim_time=False)
    assert not world.driver.ready
    now = world.driver.get_clock().now().nanoseconds
    world.await_matched(world.joints, world.actions)
    world.publish_joints(now)
    world.act(0, (1.0, 1.0), now=now)
    world.until(lambda: world.driver.ready and world.driver.gate.stopped)
    world.act(0, (1.0, 1.0), now=world.driver.get_clock().now().nanoseconds)
    world.answer(0)
    assert {command.mode for command in world.commands} == {JointCommand.DAMP}
    world.peer.destroy_publisher(source)


def test_a_source_with_nothing_to_say_delays_the_start_for_a_bounded_time(
        world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Time for what has to come before the end of the survey.
    monkeypatch.setattr('dreamer_drivers.stop_sources.SURVEY_TIME', 5.0)
    silent = world.peer.create_publisher(Bool, 'emergency_stop', qos.LATCHED)
    world.restart()
    world.set_time(START)
    world.measure(START)
    assert not world.driver.ready
    world.act(0)
    world.until(lambda: world.driver.ready, timeout=30.0)
    assert not world.commands
    assert world.values()['refused.emergency_stop_unknown'] == '1'
    # The simulation sends its sensors again, and the actor its action.
    world.act(0)
    assert world.answer(0).mode == JointCommand.ACTIVE
    world.peer.destroy_publisher(silent)


def test_a_false_does_not_withdraw_the_true_of_another_source(world: World) -> None:
    button, panel = latch(world, False), latch(world, False)
    world.until(lambda: world.driver.stop_messages >= 6)
    say(world, button, True)
    say(world, panel, False)
    assert 'publish false first' in clear(world)
    assert f'{world.namespace}/peer' in clear(world)
    assert world.driver.gate.stopped
    say(world, panel, False)
    assert clear(world)
    say(world, button, False)
    assert not clear(world)
    assert not world.driver.gate.stopped


def test_a_source_that_has_gone_is_withdrawn_by_the_next_false(world: World) -> None:
    button, panel = latch(world, True), latch(world, False)
    world.until(lambda: world.driver.gate.stopped)
    world.peer.destroy_publisher(button)
    world.until(lambda: world.driver.count_publishers('emergency_stop') == 2)
    say(world, panel, False)
    assert not clear(world)


def test_a_source_that_keeps_older_messages_is_believed_its_last(world: World) -> None:
    source = latch(world, True, qos.STEPS_KEPT)
    world.until(lambda: world.driver.gate.stopped)
    say(world, source, False)
    assert not clear(world)


def test_a_true_that_comes_while_the_sources_are_asked_counts(world: World) -> None:
    source = latch(world, True)
    world.until(lambda: world.driver.gate.stopped)
    say(world, source, False)
    # Not latched: only heard, not found by asking.
    before = world.driver.stop_messages
    world.stop.publish(Bool(data=True))
    world.until(lambda: world.driver.stop_messages >= before + 2)
    assert 'publish false first' in clear(world)


def test_a_state_folder_that_cannot_be_written_is_a_warning_and_the_stop_works(world: World, tmp_path: Path) -> None:
    blocked = tmp_path / 'file'
    blocked.write_text('')
    world.restart(state_dir=str(blocked / 'state'))
    world.until(lambda: world.driver.ready)
    assert f'state_dir: an emergency stop would be forgotten at a restart: {blocked}' in world.values()['summary']
    world.stop.publish(Bool(data=True))
    world.until(lambda: world.driver.gate.stopped)
    assert world.await_mode(JointCommand.DAMP).kp[0] == 0
    world.stop.publish(Bool(data=False))
    world.until(lambda: not world.driver.gate.stop_requested)
    assert not clear(world)


def test_a_file_that_vanished_is_written_again_while_the_stop_is_latched(world: World) -> None:
    world.stop.publish(Bool(data=True))
    # On both subscriptions that match: none is left to come that would write it.
    world.until(lambda: world.driver.stop_messages == 2)
    (file,) = world.state_dir.iterdir()
    file.unlink()
    world.until(file.exists)
    world.stop.publish(Bool(data=False))
    world.until(lambda: not world.driver.gate.stop_requested)
    assert not clear(world)
    assert not file.exists()


def test_a_simulation_does_not_end_the_stop_of_another_robot_of_its_name(world: World) -> None:
    world.stop.publish(Bool(data=True))
    world.until(lambda: world.driver.gate.stopped)
    (file,) = world.state_dir.iterdir()
    other = file.with_name(file.name.replace('.simulation.', '.unitree.'))
    assert other != file
    file.rename(other)
    world.restart()
    world.until(lambda: world.driver.ready)
    assert not world.driver.gate.stopped
    assert not clear(world)
    assert other.exists()


def test_a_file_that_cannot_be_looked_for_stops_the_robot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_to_look(monkeypatch, world.state_dir)
    world.restart()
    assert world.driver.gate.stopped
    world.until(lambda: world.driver.ready)
    assert world.step(0).mode == JointCommand.DAMP
    assert 'an emergency stop from before the start cannot be ruled out' in world.values()['summary']
    assert world.values()['emergency_stop_file'] in world.values()['summary']
    assert not clear(world)
    assert world.step(1).mode == JointCommand.ACTIVE


def test_a_source_that_does_not_answer_may_be_the_one_that_asked(world: World) -> None:
    world.step(0)
    silent = world.peer.create_publisher(Bool, 'emergency_stop', qos.LATCHED)
    source = latch(world, True)
    world.until(lambda: world.driver.gate.stopped)
    say(world, source, False)
    world.until(lambda: 'did not answer' in world.call('clear_emergency_stop').message)
    assert world.driver.gate.stop_requested
    silent.publish(Bool(data=False))
    assert not clear(world)
    world.peer.destroy_publisher(source)
    world.peer.destroy_publisher(silent)


def test_a_driver_that_ends_damps_the_robot(world: World) -> None:
    assert world.step(0).mode == JointCommand.ACTIVE
    world.commands.clear()
    world.restart()
    world.until(lambda: world.commands)
    assert {command.mode for command in world.commands} == {JointCommand.DAMP}


def test_several_messages_of_one_source_are_no_answer_of_another(world: World) -> None:
    world.step(0)
    deep = world.peer.create_publisher(Bool, 'emergency_stop', QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    silent = world.peer.create_publisher(Bool, 'emergency_stop', qos.LATCHED)
    source = latch(world, True)
    world.until(lambda: world.driver.gate.stopped)
    for _ in range(5):
        say(world, deep, False)
    say(world, source, False)
    world.until(lambda: 'did not answer' in world.call('clear_emergency_stop').message)
    assert world.driver.gate.stop_requested
    for publisher in (deep, silent):
        world.peer.destroy_publisher(publisher)
    assert not clear(world)
    world.peer.destroy_publisher(source)


def test_nothing_is_cleared_before_the_sources_are_known(world: World) -> None:
    world.stop.publish(Bool(data=True))
    world.until(lambda: world.driver.gate.stopped)
    world.restart()
    # Called directly: a service call may take until they are known.
    answer = world.driver._on_clear_emergency_stop(Trigger.Request(), Trigger.Response())
    assert not answer.success
    assert 'being asked' in answer.message
    assert world.driver.gate.stopped
    assert list(world.state_dir.iterdir())
    world.until(lambda: world.driver.ready)
    assert not clear(world)
