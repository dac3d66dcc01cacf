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
from launch.actions import SetEnvironmentVariable
from launch.utilities import perform_substitutions
from launch_ros.actions import PushRosNamespace

from dreamer_learner.updater import choose_threads


@pytest.fixture(scope='module')
def launch_file() -> ModuleType:
    path = Path(get_package_share_directory('dreamer_bringup')) / 'launch' / 'robot.launch.py'
    spec = importlib.util.spec_from_file_location('robot_launch', path)
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


def test_rviz_sees_the_clock_and_frames_of_its_robot(
        launch_file: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Stands in for rviz2, which opens a window: it notes what it was started with.
    (tmp_path / 'share/ament_index/resource_index/packages').mkdir(parents=True)
    (tmp_path / 'share/ament_index/resource_index/packages/rviz2').touch()
    program = tmp_path / 'lib/rviz2/rviz2'
    program.parent.mkdir(parents=True)
    program.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/given\n'
        f'for word; do case $word in *launch_params_*) cat "$word" >> {tmp_path}/given;; esac; done\n')
    program.chmod(0o755)
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'{tmp_path}{os.pathsep}{os.environ["AMENT_PREFIX_PATH"]}')
    service = LaunchService(noninteractive=True)
    service.include_launch_description(LaunchDescription([PushRosNamespace('left'), *launch_file.rviz('left', True)]))
    assert service.run() == 0
    given = (tmp_path / 'given').read_text()
    for expected in ('robot.rviz', '__ns:=/left ', '/clock:=clock', '/tf:=tf', '/tf_static:=tf_static', 'use_sim_time: true'):
        assert expected in given, given


def test_without_rviz2_the_robot_learns_all_the_same(
        launch_file: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    assert launch_file.rviz('', True) == []
