"""What robot.launch.py decides by itself: threads, discovery, the view."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest
import torch
from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription, LaunchService
from launch.actions import EmitEvent, RegisterEventHandler, SetEnvironmentVariable
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.utilities import perform_substitutions
from launch_ros.actions import Node, PushRosNamespace

from dreamer_learner.updater import choose_threads


@pytest.fixture(scope='module')
def launch_file() -> ModuleType:
    return load('robot')


def load(name: str) -> ModuleType:
    path = Path(get_package_share_directory('dreamer_bringup')) / 'launch' / f'{name}.launch.py'
    spec = importlib.util.spec_from_file_location(f'{name}_launch', path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_learner_gets_the_threads_that_it_would_choose(launch_file: ModuleType) -> None:
    for cores in (1, 2, 3, 4, 5, 8, 64):
        assert launch_file.training_threads(cores) == choose_threads(0, cores, torch.device('cpu'))


def test_threads_spin_only_with_three_cores_and_control_nodes_that_rest(launch_file: ModuleType) -> None:
    def policy(threads: int, paced: bool) -> str:
        return launch_file.waiting(threads, paced)['OMP_WAIT_POLICY']

    assert policy(3, paced=True) == 'active'
    assert policy(3, paced=False) == 'passive'
    assert policy(2, paced=True) == 'passive'
    assert launch_file.waiting(0, paced=True) == {'OMP_NUM_THREADS': '1', 'OMP_WAIT_POLICY': 'passive'}


def test_cores_are_counted_within_the_quota_of_the_control_group(launch_file: ModuleType, tmp_path: Path) -> None:
    inner = tmp_path / 'machine' / 'container'
    inner.mkdir(parents=True)
    assert launch_file.cpu_quota(tmp_path, '/machine/container') == float('inf')
    (inner / 'cpu.max').write_text('max 100000\n')
    (tmp_path / 'machine' / 'cpu.max').write_text('250000 100000\n')
    assert launch_file.cpu_quota(tmp_path, '/machine/container') == 2.5
    (inner / 'cpu.max').write_text('100000 100000\n')
    assert launch_file.cpu_quota(tmp_path, '/machine/container') == 1.0
    assert 1 <= launch_file.usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(('users', 'expected'), [(None, 'LOCALHOST'), ('SUBNET', 'SUBNET')])
def test_nodes_are_found_on_this_machine_only_unless_the_user_says_otherwise(
        launch_file: ModuleType, monkeypatch: pytest.MonkeyPatch, users: str | None, expected: str) -> None:
    monkeypatch.delenv('ROS_AUTOMATIC_DISCOVERY_RANGE')
    if users:
        monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', users)
    context = LaunchContext()
    found = {
        perform_substitutions(context, entity.name): perform_substitutions(context, entity.value)
        for entity in launch_file.generate_launch_description().entities if isinstance(entity, SetEnvironmentVariable)}
    assert found['ROS_AUTOMATIC_DISCOVERY_RANGE'] == expected


class StandIn:
    """Programs in the place of nodes: each notes what it was started with, and ends."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        monkeypatch.setenv('AMENT_PREFIX_PATH', f'{folder}{os.pathsep}{os.environ["AMENT_PREFIX_PATH"]}')

    def put(self, package: str, executable: str) -> None:
        """Stand in for an executable."""
        index = self._folder / 'share/ament_index/resource_index/packages'
        index.mkdir(parents=True, exist_ok=True)
        (index / package).touch()
        program = self._folder / 'lib' / package / executable
        program.parent.mkdir(parents=True)
        program.write_text(
            f'#!/bin/sh\necho "$@" > {self._folder}/given\n'
            f'for word; do case $word in *launch_params_*) cat "$word" >> {self._folder}/given;; esac; done\n')
        program.chmod(0o755)

    def fail(self, package: str, executable: str, ends: list[str]) -> None:
        """Stand in for an executable that ends so: the first time as the first of these commands says, then as the next; at last
        with exit code 2."""
        self.put(package, executable)
        (self._folder / 'ends').write_text('\n'.join(ends) + '\n')
        (self._folder / 'lib' / package / executable).write_text(
            f'#!/bin/sh\necho >> {self._folder}/starts\n'
            f'eval "$(sed -n "$(wc -l < {self._folder}/starts)p" {self._folder}/ends)"\nexit 2\n')

    def starts(self) -> int:
        """How often it was started."""
        return len((self._folder / 'starts').read_text())

    def given(self, entities: list) -> str:
        """Launch these; the command line and the parameters that the program got."""
        service = LaunchService(noninteractive=True)
        service.include_launch_description(LaunchDescription(entities))
        assert service.run() == 0
        return (self._folder / 'given').read_text()


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return StandIn(tmp_path, monkeypatch)


def given_values(launch_file: ModuleType, **arguments: str) -> LaunchContext:
    """A context in which robot.launch.py was started with these arguments."""
    context = LaunchContext()
    for argument in launch_file.arguments():
        default = perform_substitutions(context, argument.default_value)
        context.launch_configurations[argument.name] = arguments.pop(argument.name, default)
    assert not arguments
    return context


def given_to(launch_file: ModuleType, stand_in: StandIn, package: str, executable: str, **arguments: str) -> str:
    """What robot.launch.py with these arguments gives to a node."""
    stand_in.put(package, executable)
    nodes = launch_file.robot_nodes(given_values(launch_file, **arguments))
    node = next(entity for entity in nodes if isinstance(entity, Node) and entity.node_package == package)
    # It would be started again and again.
    end = RegisterEventHandler(OnProcessExit(target_action=node, on_exit=[EmitEvent(event=Shutdown())]))
    return stand_in.given([end, node])


@pytest.mark.parametrize(('package', 'executable', 'arguments', 'expected'), [
    ('dreamer_drivers', 'driver', {}, 'command_rate: 0.0'),
    ('dreamer_drivers', 'driver', {'command_rate': '200'}, 'command_rate: 200.0'),
    ('dreamer_drivers', 'driver', {'command_rate': '200', 'sim': 'false', 'real_time_factor': '0.0'}, 'command_rate: 200.0'),
    ('dreamer_drivers', 'driver', {}, 'realtime_priority: 22'),
    ('dreamer_drivers', 'driver', {'realtime_priority': '97'}, 'realtime_priority: 98'),
    ('dreamer_actor', 'actor', {'sim': 'false', 'real_time_factor': '0.0'}, 'realtime_priority: 20'),
    ('dreamer_sensing', 'sensing', {'lockstep': 'true', 'realtime_priority': '5'}, 'realtime_priority: 6'),
    ('dreamer_mujoco', 'mujoco_bridge', {'real_time_factor': '0.0', 'learner': 'false'}, 'realtime_priority: 23'),
    ('dreamer_mujoco', 'mujoco_bridge', {}, 'realtime_priority: 0'),
    ('dreamer_sensing', 'sensing', {}, 'publish_odometry: false'),
    ('dreamer_sensing', 'sensing', {'sim': 'false'}, 'publish_odometry: true'),
])
def test_what_nodes_are_given(
        launch_file: ModuleType, stand_in: StandIn, package: str, executable: str, arguments: dict, expected: str) -> None:
    assert expected in given_to(launch_file, stand_in, package, executable, **arguments)


@pytest.mark.parametrize(('cores', 'learner', 'priority'), [(2, 'true', 0), (2, 'false', 20), (1, 'false', 0)])
def test_priority_in_lockstep_leaves_time_to_the_learner_and_to_a_single_core(
        launch_file: ModuleType, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, cores: int, learner: str,
        priority: int) -> None:
    monkeypatch.setattr(launch_file, 'usable_cores', lambda: cores)
    given = given_to(launch_file, stand_in, 'dreamer_actor', 'actor', real_time_factor='0.0', learner=learner)
    assert f'realtime_priority: {priority}\n' in given


@pytest.mark.parametrize(('ends', 'starts', 'expected'), [
    (['exit 3', 'exit 3', 'exit 3'], 3, 'failed 3 times in a row before it ran'),
    # One that was killed, or failed in another way, may run again.
    (['exit 3', 'exit 3', 'kill -9 $$', 'exit 3', 'exit 1'], 6, 'cannot work with what it was given'),
])
def test_a_node_that_cannot_be_made_ends_the_launch(
        launch_file: ModuleType, stand_in: StandIn, ends: list[str], starts: int, expected: str,
        capfd: pytest.CaptureFixture[str]) -> None:
    stand_in.fail('dreamer_sensing', 'sensing', ends)
    entities = launch_file.robot_nodes(given_values(launch_file))
    node = next(entity for entity in entities if isinstance(entity, Node) and entity.node_package == 'dreamer_sensing')
    service = LaunchService(noninteractive=True)
    service.include_launch_description(LaunchDescription([
        *(entity for entity in entities if isinstance(entity, RegisterEventHandler)), node]))
    assert service.run() != 0
    assert stand_in.starts() == starts
    output = ''.join(capfd.readouterr())
    assert output.count(expected) == 1
    assert 'Traceback' not in output


def test_an_evaluation_passes_the_robots_arguments_on(launch_file: ModuleType) -> None:
    evaluate = load('evaluate')
    given = {argument.name for argument in evaluate.arguments()}
    assert set(evaluate.PASSED_ON) == given - {'run_dir', 'episodes', 'mode', 'policy_file'}
    assert given - {'episodes'} <= {argument.name for argument in launch_file.arguments()}


def test_setpoints_between_actions_need_time_that_goes_on(launch_file: ModuleType) -> None:
    for arguments in ({'lockstep': 'true'}, {'real_time_factor': '0.0'}):
        with pytest.raises(RuntimeError, match='launch argument command_rate: 200 needs time that goes on by itself'):
            launch_file.robot_nodes(given_values(launch_file, command_rate='200', **arguments))


def test_rviz_sees_the_clock_and_frames_of_its_robot(launch_file: ModuleType, stand_in: StandIn) -> None:
    # rviz2 itself opens a window.
    stand_in.put('rviz2', 'rviz2')
    given = stand_in.given([PushRosNamespace('left'), *launch_file.rviz('left', True)])
    for expected in ('robot.rviz', '__ns:=/left ', '/clock:=clock', '/tf:=tf', '/tf_static:=tf_static', 'use_sim_time: true'):
        assert expected in given, given


def test_without_rviz2_the_robot_learns_all_the_same(
        launch_file: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    assert launch_file.rviz('', True) == []
