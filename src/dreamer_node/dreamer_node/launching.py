"""What a launch file was asked for, checked before any node starts. Imports neither rclpy nor torch.

Everything here raises ConfigError with the launch argument or file, the value, and what is allowed.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dreamer_learning.config import SEEDS, ConfigError, Range, differences, load_yaml, nearest
from dreamer_learning.run_identity import step_identity
from dreamer_learning.spaces import Task, load_robot_task
from dreamer_learning.urdf import Urdf
from dreamer_node.realtime import PRIORITIES

ALLOWED = {'seed': SEEDS, 'realtime_priority': PRIORITIES}
"""Launch arguments that are numbers, where anything from 0 to MOST would be too much."""
MOST = 2**53
"""Beyond this a float does not count on."""


def number(name: str, text: str, kind: type) -> int | float:
    """The value of a launch argument that is a number of at least 0."""
    try:
        value = kind(text)
    except ValueError:
        value = -1
    allowed = ALLOWED.get(name, Range(0))
    if value not in allowed or value > MOST:
        raise ConfigError(f"launch argument {name}: '{text}' is not allowed; allowed: {kind.__name__} of {allowed}")
    return value


def check_names(names: Mapping[str, str]) -> Task:
    """The task; refuses a robot, task, agent, size or block that the files of config_dir do not know.

    Args:
        names: config_dir, robot, task, agent, size, blocks.
    """
    folder = Path(names['config_dir'])
    if not folder.is_dir():
        raise ConfigError(f"launch argument config_dir: '{folder}' is not a folder")
    for name in ('robot', 'task', 'agent'):
        known = sorted(path.stem for path in (folder / f'{name}s').glob('*.yaml'))
        value = names[name]
        if value not in known:
            raise ConfigError(f"launch argument {name}: '{value}' is not in {folder}/{name}s; {nearest(value, known)}")
    path = folder / 'agents' / f'{names["agent"]}.yaml'
    content = load_yaml(path)
    if not content:
        raise ConfigError(f'{path}: is empty')
    blocks = [('blocks', name.strip()) for name in names['blocks'].split(',') if name.strip()]
    for section, argument, name in [('sizes', 'size', names['size']), *(('blocks', *block) for block in blocks)]:
        found = content.get(section, {})
        # Anything else in the file is for the nodes to judge.
        if isinstance(found, dict) and name not in found:
            raise ConfigError(f"launch argument {argument}: '{name}' is not in {path}; {nearest(name, found)}")
    return load_robot_task(folder, names['robot'], names['task'])


def robot_description(config_dir: Path, robot: str) -> str:
    """The text of the robot's URDF, which can be parsed."""
    path = config_dir / 'robots' / f'{robot}.yaml'
    name = load_yaml(path).get('urdf')
    if not isinstance(name, str):
        raise ConfigError(f"{path}: key 'urdf' is missing" if name is None else f'{path}: urdf: {name!r} is not a file name')
    urdf = config_dir.parent / 'urdf' / name
    if not urdf.is_file():
        raise ConfigError(f'{path}: urdf: no file {urdf}')
    Urdf(urdf)
    try:
        return urdf.read_text(encoding='utf-8')
    except UnicodeDecodeError as error:
        raise ConfigError(f'{urdf}: not UTF-8: byte {error.start} is {error.object[error.start]:#x}') from None


def check_run_directory(path: Path, names: Mapping[str, str], task: Task) -> None:
    """Refuse a run directory where nothing can be written, or whose steps would mean something else than those to come.

    Args:
        names: those of agent, size, task and robot that must be the run's.
    """
    file = path / 'run.yaml'
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ConfigError(f"launch argument run_dir: '{path}': {error.strerror}") from None
    if not file.is_file():
        return
    before = load_yaml(file)
    # What the networks are, the learner compares.
    now = step_identity(names, task)
    found = list(differences({key: value for key, value in before.items() if key in now}, now))
    if found:
        raise ConfigError(
            f'launch argument run_dir: {path} belongs to another configuration: {"; ".join(found)}; '
            'choose another run_dir or the values of that run'
        )


def check_parameter_file(argument: str, path: Path, node: str) -> None:
    """Refuse a ROS parameter file that says nothing to a node.

    Args:
        argument: launch argument that names the file.
        node: fully qualified name.
    """
    if not path.is_file():
        raise ConfigError(f"launch argument {argument}: no file '{path}'")
    blocks = dict(_blocks(load_yaml(path)))
    if not any(values and _matches(name, node) for name, values in blocks.items()):
        found = ', '.join(blocks) or 'nothing'
        raise ConfigError(
            f'{path}: nothing for the node {node}: it has parameters for {found}; allowed: {node} or /**, each with '
            'ros__parameters'
        )


def _blocks(content: Mapping[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if key == 'ros__parameters':
            yield prefix or '/', value
        elif isinstance(value, Mapping):
            yield from _blocks(value, f'{prefix}/{str(key).strip("/")}')


def _matches(pattern: str, node: str) -> bool:
    """Whether a parameter file's block is for this node: * is one part of a name, ** any number of them (rcl)."""
    parts = [{'**': '(/[^/]+)*', '*': '/[^/]+'}.get(part) or f'/{re.escape(part)}' for part in pattern.strip('/').split('/')]
    return re.fullmatch(''.join(parts), node) is not None
