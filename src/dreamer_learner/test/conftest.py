"""A small agent and task, written as configuration files; nodes on this machine only."""

import os
from pathlib import Path

import pytest

from dreamer_node.testing import private_domain, write_small_agent

os.environ.setdefault('OMP_NUM_THREADS', '1')

_private_domain = pytest.fixture(scope='session', autouse=True)(private_domain)


@pytest.fixture(scope='session')
def config_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the task `reach` and the agent `small` in the sizes tiny and wide."""
    folder = tmp_path_factory.mktemp('config of the tests')
    write_small_agent(folder, Path(__file__).parents[3] / 'config')
    return folder
