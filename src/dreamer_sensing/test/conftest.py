"""The robot of dog.py in a temporary folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dog import IMAGE_TASK, ROBOT, TASK, urdf

from dreamer_learning.spaces import Task, load_task
from dreamer_sensing.settings import SensingConfig, load_sensing


@pytest.fixture
def config_folder(tmp_path: Path) -> Path:
    """The folder config/, with urdf/ beside it."""
    files = {
        'config/robots/dog.yaml': ROBOT,
        'config/tasks/walk.yaml': TASK,
        'config/tasks/look.yaml': IMAGE_TASK,
        'urdf/dog/dog.urdf': urdf(),
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / 'config'


@pytest.fixture
def settings(config_folder: Path) -> tuple[SensingConfig, Path]:
    return load_sensing(config_folder, 'dog')


@pytest.fixture
def task(config_folder: Path) -> Task:
    return load_task(config_folder, 'walk')


@pytest.fixture(scope='session', autouse=True)
def _private_domain() -> None:
    """A ROS domain of the tests' own: they neither move nor hear what runs in the user's."""
    own = str(1 + os.getpid() % 100)
    os.environ['ROS_DOMAIN_ID'] = '101' if os.environ.get('ROS_DOMAIN_ID') == own else own
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
