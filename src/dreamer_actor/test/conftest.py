"""A small agent and task, written as configuration files; nodes on this machine only."""

import os
from pathlib import Path

import pytest
import yaml

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')

SHIPPED = Path(__file__).parents[3] / 'config' / 'agents' / 'dreamer_v3.yaml'

TASK = {
    'robot': 'box', 'control_rate': 50.0, 'episode_length': 20, 'reward': 'none',
    'observation': {'state': {'shape': [5]}}, 'action': {'size': 2},
}
SIZES = {
    'tiny': {
        'networks': {'units': 16, 'encoder_layers': 1, 'decoder_layers': 1},
        'dynamics': {'deter': 32, 'hidden': 16, 'stoch': 4, 'classes': 4, 'blocks': 2},
        'heads': {'actor_layers': 1, 'critic_layers': 1, 'bins': 15},
        'behaviour': {'horizon': 4},
        'replay': {'capacity': 1000, 'batch': 4, 'length': 8, 'start': 24},
    },
    'wide': {'networks': {'units': 24}},
}


@pytest.fixture(scope='session')
def config_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the task `reach` and the agent `small` in the sizes tiny and wide."""
    folder = tmp_path_factory.mktemp('config of the tests')
    agent = {'defaults': yaml.safe_load(SHIPPED.read_text())['defaults'], 'sizes': SIZES}
    for kind, name, content in (('tasks', 'reach', TASK), ('agents', 'small', agent)):
        (folder / kind).mkdir()
        (folder / kind / f'{name}.yaml').write_text(yaml.safe_dump(content))
    return folder


@pytest.fixture(scope='session', autouse=True)
def _private_domain() -> None:
    """A ROS domain of the tests' own: they neither move nor hear what runs in the user's."""
    own = str(1 + os.getpid() % 100)
    os.environ['ROS_DOMAIN_ID'] = '101' if os.environ.get('ROS_DOMAIN_ID') == own else own
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
