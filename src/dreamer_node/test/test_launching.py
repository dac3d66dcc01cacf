"""What a launch file refuses before any node starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from dreamer_learning.config import ConfigError
from dreamer_node import launching

ROBOT = {'urdf': 'arm.urdf', 'joints': ['hip'], 'action_range': {'hip': {'lower': -1.0, 'upper': 1.0}}}
TASK = {
    'robot': 'arm', 'reward': 'reach', 'control_rate': 20.0, 'episode_length': 250,
    'observation': {'proprioception': {'shape': [3]}}, 'action': {'size': 1},
}
AGENT = {'defaults': {}, 'sizes': {'cpu': {}, '1m': {}}, 'blocks': {'gaussian_latents': {}}}
URDF = '''<robot name="arm"><link name="base"/><link name="leg"/><joint name="hip" type="revolute"><parent link="base"/>
<child link="leg"/><axis xyz="0 1 0"/><limit lower="-1" upper="1" effort="1" velocity="1"/></joint></robot>'''
NAMES = {'robot': 'arm', 'task': 'reach', 'agent': 'dreamer', 'size': 'cpu', 'blocks': ''}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration folder."""
    for name, content in (('robots/arm', ROBOT), ('tasks/reach', TASK), ('agents/dreamer', AGENT)):
        path = tmp_path / 'config' / f'{name}.yaml'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content))
    (tmp_path / 'urdf').mkdir()
    (tmp_path / 'urdf' / 'arm.urdf').write_text(URDF)
    return tmp_path / 'config'


def names(folder: Path, **changes: str) -> dict[str, str]:
    return {**NAMES, 'config_dir': str(folder), **changes}


@pytest.mark.parametrize(('changes', 'message'), [
    ({'robot': 'arn'}, "launch argument robot: 'arn' is not in .*/robots; did you mean 'arm'"),
    ({'size': '2m'}, "launch argument size: '2m' is not in .*dreamer.yaml; .*1m"),
    ({'blocks': 'gausian_latents'}, "launch argument blocks: 'gausian_latents' .*did you mean 'gaussian_latents'"),
])
def test_names_that_the_files_do_not_know(folder: Path, changes: dict[str, str], message: str) -> None:
    assert launching.check_names(names(folder)).control_rate == 20.0
    with pytest.raises(ConfigError, match=message):
        launching.check_names(names(folder, **changes))


@pytest.mark.parametrize(('file', 'content', 'message'), [
    ('tasks/reach.yaml', '- a list', 'tasks/reach.yaml'),
    ('tasks/reach.yaml', yaml.safe_dump({**TASK, 'robot': 'leg'}), "robot 'arm' and task 'reach' do not fit"),
    ('agents/dreamer.yaml', '', 'agents/dreamer.yaml: is empty'),
    ('robots/arm.yaml', yaml.safe_dump({**ROBOT, 'action_range': {'hip': {'lower': 1.0, 'upper': 0.0}}}), 'robots/arm.yaml'),
])
def test_files_that_no_node_could_read(folder: Path, file: str, content: str, message: str) -> None:
    (folder / file).write_text(content)
    with pytest.raises(ConfigError, match=message):
        launching.check_names(names(folder))


@pytest.mark.parametrize(('robot', 'urdf', 'message'), [
    ({}, b'<robot', 'arm.urdf: not valid XML'),
    ({}, b'<?xml version="1.0" encoding="latin-1"?>\n<!-- \xfc -->' + URDF.encode(), 'arm.urdf: not UTF-8: byte .* is 0xfc'),
    ({'urdf': None}, b'', "robots/arm.yaml: key 'urdf' is missing"),
    ({'urdf': 3}, b'', 'robots/arm.yaml: urdf: 3 is not a file name'),
    ({'urdf': 'leg.urdf'}, b'', 'robots/arm.yaml: urdf: no file .*leg.urdf'),
])
def test_descriptions_that_cannot_be_used(folder: Path, robot: dict, urdf: bytes, message: str) -> None:
    assert launching.robot_description(folder, 'arm') == URDF
    (folder / 'robots' / 'arm.yaml').write_text(yaml.safe_dump({**ROBOT, **robot}))
    (folder.parent / 'urdf' / 'arm.urdf').write_bytes(urdf)
    with pytest.raises(ConfigError, match=message):
        launching.robot_description(folder, 'arm')


def changed(**values: object) -> Callable[[dict], dict]:
    return lambda run: {**run, **values}


@pytest.mark.parametrize(('change', 'message'), [
    (changed(control_rate=10.0), 'control_rate: 10.0 there, 20.0 here'),
    (changed(agent='planet'), 'agent: planet there, dreamer here'),
    (changed(action_range={'hip': [-0.5, 0.5]}), r'action_range.hip: \[-0.5, 0.5\] there, \[-1.0, 1.0\] here'),
])
def test_a_run_whose_steps_mean_something_else(
        folder: Path, tmp_path: Path, change: Callable[[dict], dict], message: str) -> None:
    task = launching.check_names(names(folder))
    asked = {name: NAMES[name] for name in ('agent', 'size', 'task', 'robot')}
    launching.check_run_directory(tmp_path / 'run', asked, task)
    run = {**launching.step_identity(asked, task), 'config_hash': 'abc', 'blocks': 'gaussian_latents'}
    (tmp_path / 'run' / 'run.yaml').write_text(yaml.safe_dump(run))
    launching.check_run_directory(tmp_path / 'run', asked, task)
    (tmp_path / 'run' / 'run.yaml').write_text(yaml.safe_dump(change(run)))
    with pytest.raises(ConfigError, match=f'run belongs to another configuration: {message}; choose another run_dir'):
        launching.check_run_directory(tmp_path / 'run', asked, task)


def test_a_run_directory_that_cannot_be_made(folder: Path, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    for path in (tmp_path / 'file', tmp_path / 'file' / 'run', Path('/proc/run')):
        with pytest.raises(ConfigError, match=f"launch argument run_dir: '{path}': "):
            launching.check_run_directory(path, {}, launching.check_names(names(folder)))


@pytest.mark.parametrize(('name', 'text', 'kind', 'value'), [
    ('steps', '100', int, 100), ('duration', '1e3', float, 1000.0), ('seed', str(2**32 - 1), int, 2**32 - 1),
])
def test_numbers(name: str, text: str, kind: type, value: float) -> None:
    assert launching.number(name, text, kind) == value


@pytest.mark.parametrize(('name', 'text', 'kind', 'allowed'), [
    ('steps', '1.5', int, 'int of at least 0$'), ('steps', '9' * 20, int, 'int of at least 0'),
    ('duration', 'nan', float, 'float of at least 0'),
    ('duration', 'inf', float, 'float of at least 0'), ('seed', str(2**32), int, 'int of at least 0 and at most 4294967295'),
])
def test_numbers_that_are_not_allowed(name: str, text: str, kind: type, allowed: str) -> None:
    with pytest.raises(ConfigError, match=f"launch argument {name}: '{text}' is not allowed; allowed: {allowed}"):
        launching.number(name, text, kind)


PARAMETERS = {'ros__parameters': {'variation': {'payload': 1.0}}}


@pytest.mark.parametrize(('content', 'node', 'fits'), [
    ({'mujoco_bridge': PARAMETERS}, '/mujoco_bridge', True),
    ({'mujoco_bridge': PARAMETERS}, '/r1/mujoco_bridge', False),
    ({'mujoco_bridg': PARAMETERS}, '/mujoco_bridge', False),
    ({'/r1/mujoco_bridge': PARAMETERS}, '/r1/mujoco_bridge', True),
    ({'r1': {'mujoco_bridge': PARAMETERS}}, '/r1/mujoco_bridge', True),
    ({'/**': PARAMETERS}, '/lab/r1/mujoco_bridge', True),
    ({'/**/mujoco_bridge': PARAMETERS}, '/lab/r1/mujoco_bridge', True),
    ({'/*/mujoco_bridge': PARAMETERS}, '/lab/r1/mujoco_bridge', False),
    ({'/*/mujoco_bridge': PARAMETERS}, '/r1/mujoco_bridge', True),
    ({'/**': {'ros__parameters': {}}}, '/mujoco_bridge', False),
    ({}, '/mujoco_bridge', False),
])
def test_a_parameter_file_that_says_nothing_to_the_node_is_refused(
        tmp_path: Path, content: dict, node: str, fits: bool) -> None:
    path = tmp_path / 'v.yaml'
    path.write_text(yaml.safe_dump(content) if content else '')
    if fits:
        launching.check_parameter_file('variation_file', path, node)
        return
    with pytest.raises(ConfigError, match=f'v.yaml: nothing for the node {node}: '):
        launching.check_parameter_file('variation_file', path, node)


def test_a_parameter_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='launch argument variation_file: no file'):
        launching.check_parameter_file('variation_file', tmp_path / 'v.yaml', '/mujoco_bridge')
