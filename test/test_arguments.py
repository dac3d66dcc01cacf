"""What a user may get wrong on the command line."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_share_directory
from conftest import System


def test_arguments_are_shown_with_descriptions() -> None:
    result = subprocess.run(['ros2', 'launch', 'dreamer_bringup', 'robot.launch.py', '--show-args'],
                            capture_output=True, text=True, timeout=60, check=True)
    for name in ('robot', 'agent', 'size', 'task', 'run_dir', 'seed', 'duration', 'steps', 'real_time_factor', 'train_ratio',
                 'sim', 'rviz', 'namespace', 'device', 'log_level'):
        assert f"'{name}':" in result.stdout, f'{name} is missing'
    assert 'runs/<task>-<agent>-<time>' in result.stdout


@pytest.mark.parametrize(('name', 'value', 'expected'), [
    ('agent', 'dreamer_v4', 'dreamer_v3'),
    ('robot', 'a2', 'a1'),
    ('task', 'a1_run', 'a1_walk'),
    ('size', '2m', '1m'),
    ('steps', 'many', 'steps'),
    ('real_time_factor', '-1', 'real_time_factor'),
])
def test_wrong_value_names_what_is_allowed(
        start: Callable[..., System], tmp_path: Path, name: str, value: str, expected: str) -> None:
    system = start(run_dir=tmp_path, **{name: value})
    assert system.wait(60) != 0 or name == 'size'
    assert value in system.output
    assert expected in system.output
    assert 'Traceback' not in system.output


def test_unknown_key_in_the_robot_file_ends_the_launch(start: Callable[..., System], tmp_path: Path) -> None:
    share = Path(get_package_share_directory('dreamer_bringup'))
    for folder in ('config', 'urdf'):
        shutil.copytree(share / folder, tmp_path / folder, copy_function=shutil.copy)
    robot = tmp_path / 'config' / 'robots' / 'a1.yaml'
    robot.write_text(robot.read_text().replace('max_deviation:', 'max_deviaton:'))
    system = start(run_dir=tmp_path / 'run', config_dir=tmp_path / 'config')
    system.wait(60)
    assert "unknown key 'max_deviaton'" in system.output
    assert "did you mean 'max_deviation'" in system.output
    assert str(robot) in system.output
    assert os.path.exists(robot)
