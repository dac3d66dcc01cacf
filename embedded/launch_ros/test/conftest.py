"""Fixtures for the tests of launch_ros: an installed package with an executable that shows how it was started."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_EMBEDDED = Path(__file__).resolve().parents[2]
_SOURCES = [str(_EMBEDDED / name) for name in ('launch_ros', 'launch')]
sys.path[:0] = _SOURCES
os.environ['PYTHONPATH'] = os.pathsep.join([*_SOURCES, *filter(None, [os.environ.get('PYTHONPATH')])])

import launch  # noqa: E402
import yaml  # noqa: E402
from launch.logging import launch_config  # noqa: E402

SHOW = '''#!/usr/bin/env -S python3 -S
import json, sys
files = [open(sys.argv[i + 1]).read() for i, word in enumerate(sys.argv) if word == '--params-file']
print(json.dumps({'argv': sys.argv[1:], 'files': files, 'path': sys.argv[0]}))
'''


@pytest.fixture(scope='session', autouse=True)
def _private_domain() -> Iterator[None]:
    """A ROS domain of the tests' own: they neither move nor hear what runs in the user's."""
    with contextlib.closing(socket.socket()) as holder:
        for domain in (1 + (os.getpid() + step) % 100 for step in range(100)):
            # A port holds it, as ROS 2's domain_coordinator does: packages tested at the same time do not meet either.
            with contextlib.suppress(OSError):
                if str(domain) != os.environ.get('ROS_DOMAIN_ID'):
                    holder.bind(('127.0.0.1', 22119 + domain))
                    break
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        yield


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep log files and temporary files of each test apart."""
    (tmp_path / 'tmp').mkdir()
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path / 'log'))
    monkeypatch.setenv('RCUTILS_COLORIZED_OUTPUT', '0')
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path / 'tmp'))
    launch_config.reset()
    yield
    launch_config.reset()


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the package demo_pkg with the executable show; return its prefix."""
    prefix = tmp_path / 'prefix'
    index = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages'
    for folder in (index, prefix / 'lib' / 'demo_pkg', prefix / 'share' / 'demo_pkg'):
        folder.mkdir(parents=True)
    (index / 'demo_pkg').touch()
    executable = prefix / 'lib' / 'demo_pkg' / 'show'
    executable.write_text(SHOW)
    executable.chmod(0o755)
    before = os.environ.get('AMENT_PREFIX_PATH')
    monkeypatch.setenv('AMENT_PREFIX_PATH', os.pathsep.join([str(prefix), *filter(None, [before])]))
    return prefix


class Started:
    """How an executable was started."""

    def __init__(self, text: str) -> None:
        shown = json.loads(text)
        self.path: str = shown['path']
        self.argv: list[str] = shown['argv']
        self.files: list[dict[str, Any]] = [yaml.safe_load(text) for text in shown['files']]

    def values_after(self, flag: str) -> list[str]:
        """Return the words that follow each `flag`."""
        return [self.argv[index + 1] for index, word in enumerate(self.argv) if word == flag]


@pytest.fixture
def run_nodes() -> Callable[..., list[Started]]:
    """Return a function that runs entities and returns how each of the nodes given was started."""

    def run(nodes: list[Any], *entities: Any) -> list[Started]:
        service = launch.LaunchService(noninteractive=True)
        service.include_launch_description(launch.LaunchDescription(list(entities) or nodes))
        assert service.run() == 0
        return [Started(node.get_stdout()) for node in nodes]

    return run
