"""What a user may get wrong on the command line."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import System


def test_arguments_are_shown_with_descriptions() -> None:
    result = subprocess.run(['ros2', 'launch', 'dreamer_bringup', 'robot.launch.py', '--show-args'],
                            capture_output=True, text=True, timeout=180, check=True)
    for name in ('robot', 'agent', 'size', 'task', 'run_dir', 'seed', 'duration', 'steps', 'real_time_factor', 'train_ratio',
                 'command_rate', 'realtime_priority', 'runtime', 'policy_file', 'sim', 'rviz', 'namespace', 'device',
                 'log_level'):
        assert f"'{name}':" in result.stdout, f'{name} is missing'
    assert 'runs/<task>-<agent>-<time>' in result.stdout


@pytest.mark.parametrize(('name', 'value', 'expected'), [
    ('agent', 'dreamer_v4', 'dreamer_v3'),
    ('robot', 'a2', 'a1'),
    ('task', 'a1_run', 'a1_walk'),
    ('size', '2m', '1m'),
    ('config_dir', 'nowhere', 'not a folder'),
    ('variation_file', 'slippery.yaml', 'no file'),
    ('seed', '-1', 'at most 4294967295'),
    ('steps', 'many', 'steps'),
    ('real_time_factor', '-1', 'real_time_factor'),
    ('duration', 'nan', 'of at least 0'),
    ('realtime_priority', '99', 'int of at least 0 and at most 98'),
    ('runtime', 'onnx', 'learner:=false'),
    ('policy_file', 'policy.onnx', 'runtime:=onnx'),
])
def test_wrong_value_names_what_is_allowed(
        start: Callable[..., System], tmp_path: Path, name: str, value: str, expected: str) -> None:
    system = start(run_dir=tmp_path, **{name: value})
    assert system.wait(180) != 0
    assert f'launch argument {name}' in system.output
    assert value in system.output
    assert expected in system.output
    assert 'Traceback' not in system.output
    assert 'process started' not in system.output


def test_an_unknown_block_ends_the_launch_with_the_nearest(start: Callable[..., System], tmp_path: Path) -> None:
    system = start(run_dir=tmp_path / 'run', agent='dreamer_v2', blocks='atari,gausian_latents')
    assert system.wait(180) != 0
    assert "launch argument blocks: 'gausian_latents' is not in" in system.output
    assert "did you mean 'gaussian_latents'" in system.output


def test_a_name_is_looked_up_in_the_users_config_dir(start: Callable[..., System], own_config: Path, tmp_path: Path) -> None:
    system = start(run_dir=tmp_path / 'run', config_dir=own_config, agent='quik')
    assert system.wait(180) != 0
    assert "did you mean 'quick'? allowed: " in system.output


def test_unknown_key_in_the_robot_file_ends_the_launch(start: Callable[..., System], own_config: Path, tmp_path: Path) -> None:
    robot = own_config / 'robots' / 'a1.yaml'
    robot.write_text(robot.read_text().replace('max_deviation:', 'max_deviaton:'))
    system = start(run_dir=tmp_path / 'run', config_dir=own_config)
    assert system.wait(180) != 0
    assert "unknown key 'max_deviaton'" in system.output
    assert "did you mean 'max_deviation'" in system.output
    assert str(robot) in system.output
    assert 'cannot work with what it was given' in system.output
    assert not re.search(r'^\[driver-\d+\] Traceback', system.output, re.MULTILINE)


def test_a_misspelt_variation_ends_the_launch(start: Callable[..., System], tmp_path: Path) -> None:
    path = tmp_path / 'slippery.yaml'
    path.write_text('/**:\n  ros__parameters:\n    variation: {frictoin: 0.3}\n')
    system = start(run_dir=tmp_path / 'run', learner='false', variation_file=path)
    assert system.wait(180) != 0
    assert f"{path}: unknown parameter 'variation.frictoin'; did you mean 'variation.friction'?" in system.output
    assert 'cannot work with what it was given' in system.output


def test_a_node_that_cannot_be_made_ends_the_launch(
        start: Callable[..., System], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / 'path' / 'safetensors'
    broken.mkdir(parents=True)
    (broken / '__init__.py').write_text("raise RuntimeError('a broken installation')")
    monkeypatch.setenv('PYTHONPATH', f'{broken.parent}:{os.environ.get("PYTHONPATH", "")}')
    system = start(run_dir=tmp_path / 'run')
    assert system.wait(300) != 0
    [line] = [line for line in system.lines if 'failed 3 times in a row before it ran (exit code 3)' in line]
    assert re.search(r'(learner|actor)-\d+ failed', line)


def test_steps_of_another_configuration_are_not_added_to_a_run(
        start: Callable[..., System], own_config: Path, tmp_path: Path) -> None:
    run = tmp_path / 'run'
    run.mkdir()
    (run / 'run.yaml').write_text(yaml.safe_dump({'agent': 'dreamer_v3', 'size': 'cpu', 'task': 'a1_walk', 'control_rate': 10.0}))
    system = start(run_dir=run, learner='false')
    assert system.wait(180) != 0
    assert 'belongs to another configuration: control_rate: 10.0 there, 20.0 here' in system.output
    assert 'process started' not in system.output
    assert [path.name for path in run.iterdir()] == ['run.yaml']
