"""Fixtures for the tests of launch: launches in this process and in processes of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_SOURCES = str(Path(__file__).resolve().parents[1])
sys.path.insert(0, _SOURCES)
os.environ['PYTHONPATH'] = os.pathsep.join([_SOURCES, *filter(None, [os.environ.get('PYTHONPATH')])])

import launch  # noqa: E402
from launch.logging import launch_config  # noqa: E402
from launch_process import LaunchProcess  # noqa: E402


@pytest.fixture(autouse=True)
def log_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep log files and the environment of each test apart."""
    before = dict(os.environ)
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path / 'log'))
    monkeypatch.setenv('RCUTILS_COLORIZED_OUTPUT', '0')
    launch_config.reset()
    yield tmp_path / 'log'
    launch_config.reset()
    os.environ.clear()
    os.environ.update(before)


class Launched:
    """What a launch in this process came to."""

    def __init__(self, entities: list[Any], argv: list[str]) -> None:
        self.service = launch.LaunchService(argv=argv, noninteractive=True)
        self.service.include_launch_description(launch.LaunchDescription(entities))
        self.code = self.service.run()

    @property
    def configurations(self) -> dict[str, str]:
        """The launch configurations at the end."""
        return self.service.context.launch_configurations


@pytest.fixture
def run_launch() -> Callable[..., Launched]:
    """Return a function that runs entities to their end."""
    return lambda *entities, argv=(): Launched(list(entities), list(argv))


@pytest.fixture
def start_launch(tmp_path: Path) -> Iterator[Callable[..., LaunchProcess]]:
    """Return a function that starts a launch file with the given body in a process of its own."""
    started: list[LaunchProcess] = []

    def start(body: str, *arguments: str, interactive: bool = False) -> LaunchProcess:
        started.append(LaunchProcess(tmp_path, body, list(arguments), interactive))
        return started[-1]

    yield start
    for launched in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(launched.process.pid, signal.SIGKILL)
        launched.process.wait()
