from collections.abc import Iterator
from pathlib import Path

import pytest
import rclpy
from driver_world import World

from dreamer_node.testing import private_domain

_private_domain = pytest.fixture(scope='session', autouse=True)(private_domain)


@pytest.fixture(autouse=True)
def _quick_discovery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes of one process know each other at once."""
    monkeypatch.setattr('dreamer_drivers.node.DISCOVERY_TIME', 0.3)


@pytest.fixture(scope='module')
def ros() -> Iterator[None]:
    rclpy.init()
    yield
    rclpy.shutdown()


@pytest.fixture
def world(ros: None, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()
