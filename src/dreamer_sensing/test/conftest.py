"""The robot of dog.py in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from dog import IMAGE_TASK, ROBOT, TASK, urdf

from dreamer_learning.spaces import Task, load_task
from dreamer_node.testing import private_domain
from dreamer_sensing.settings import SensingConfig, load_sensing

_private_domain = pytest.fixture(scope='session', autouse=True)(private_domain)


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
