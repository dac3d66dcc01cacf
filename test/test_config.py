"""The shipped configuration, read by every room that uses it, and the documents that describe it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from launch.actions import DeclareLaunchArgument

from dreamer_drivers.robot import load_gate
from dreamer_learning.agent_config import load_agent
from dreamer_learning.config import ConfigError, load_yaml
from dreamer_learning.robots import joint_ranges
from dreamer_learning.spaces import load_task
from dreamer_learning.urdf import Urdf
from dreamer_mujoco.config import load_simulation
from dreamer_mujoco.simulation import Simulation
from dreamer_sensing.observer import Observer
from dreamer_sensing.settings import load_sensing

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'config'
ROBOT_KEYS = {'urdf', 'base_link', 'joints', 'action_range', 'driver', 'sensing', 'simulation'}


def names(folder: str) -> list[str]:
    return sorted(path.stem for path in (CONFIG / folder).glob('*.yaml'))


SIZES = [(agent, size) for agent in names('agents') for size in load_yaml(CONFIG / 'agents' / f'{agent}.yaml')['sizes']]


@pytest.mark.parametrize('robot', names('robots'))
def test_every_robot_is_read_by_all_its_rooms(robot: str) -> None:
    assert load_yaml(CONFIG / 'robots' / f'{robot}.yaml').keys() == ROBOT_KEYS
    sensing, urdf = load_sensing(CONFIG, robot)
    simulated, simulation = load_simulation(CONFIG, robot)
    assert urdf == simulated == CONFIG.parent / 'urdf' / sensing.urdf
    assert (simulation.base_link, simulation.joints) == (sensing.base_link, sensing.joints)
    lower, upper = joint_ranges(sensing.action_range, sensing.joints)
    lowest, highest = Urdf(urdf).limits(sensing.joints)
    assert (lowest <= lower).all(), 'actions reach beyond the lower joint limits'
    assert (upper <= highest).all(), 'actions reach beyond the upper joint limits'
    for name in simulation.keyframes:
        pose = np.array(simulation.keyframes[name].joints)
        assert ((lowest <= pose) & (pose <= highest)).all(), f'keyframe {name} is beyond the joint limits'
    assert Simulation(urdf, simulation).read().joint_position.shape == (len(sensing.joints),)


@pytest.mark.parametrize('task', names('tasks'))
def test_every_task_fits_its_robot(task: str) -> None:
    loaded = load_task(CONFIG, task)
    sensing, urdf = load_sensing(CONFIG, loaded.robot)
    Observer(loaded, sensing, urdf)
    _, gate = load_gate(CONFIG, loaded.robot, loaded)
    lower, upper = joint_ranges(sensing.action_range, sensing.joints)
    assert np.array_equal(gate.config.range_lower, lower)
    assert np.array_equal(gate.config.range_upper, upper)


@pytest.mark.parametrize(('agent', 'size'), SIZES)
def test_every_agent_in_every_size(agent: str, size: str) -> None:
    config = load_agent(CONFIG, agent, size)
    assert (config.agent, config.size) == (agent, size)


def test_sizes_have_different_configurations() -> None:
    task = load_task(CONFIG, names('tasks')[0])
    assert len({load_agent(CONFIG, agent, size).hash(task) for agent, size in SIZES}) == len(SIZES)


@pytest.mark.parametrize('robot', names('robots'))
@pytest.mark.parametrize('section', ['driver', 'sensing', 'simulation'])
def test_an_unknown_key_is_refused_by_its_room(robot: str, section: str, tmp_path: Path) -> None:
    content = load_yaml(CONFIG / 'robots' / f'{robot}.yaml')
    content[section]['surprise'] = 1
    path = tmp_path / 'robots' / f'{robot}.yaml'
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(content))
    task = next(load_task(CONFIG, name) for name in names('tasks') if load_task(CONFIG, name).robot == robot)
    loaders = {
        'driver': lambda: load_gate(tmp_path, robot, task),
        'sensing': lambda: load_sensing(tmp_path, robot),
        'simulation': lambda: load_simulation(tmp_path, robot),
    }
    with pytest.raises(ConfigError, match=f"{robot}.yaml: {section}: unknown key 'surprise'"):
        loaders[section]()


@pytest.mark.parametrize('path', sorted((ROOT / 'launch').glob('*.launch.py')), ids=lambda path: path.name)
def test_every_launch_argument_is_documented(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(path.stem.replace('.', '_'), path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    entities = module.generate_launch_description().entities
    arguments = {entity.name for entity in entities if isinstance(entity, DeclareLaunchArgument)}
    assert arguments
    text = ''.join((ROOT / name).read_text(encoding='utf-8') for name in ('README.md', 'docs/architecture.md'))
    assert arguments - set(re.findall(r'`(\w+)', text)) == set()
