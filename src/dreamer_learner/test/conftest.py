"""A small agent and task, written as configuration files; nodes on this machine only."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dreamer_node.testing import private_domain, write_small_agent

os.environ.setdefault('OMP_NUM_THREADS', '1')

Here = Callable[[Callable[[], int], list[str]], subprocess.CompletedProcess]

_private_domain = pytest.fixture(scope='session', autouse=True)(private_domain)


@pytest.fixture(scope='session')
def config_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the task `reach` and the agent `small` in the sizes tiny and wide."""
    folder = tmp_path_factory.mktemp('config of the tests')
    write_small_agent(folder, Path(__file__).parents[3] / 'config')
    return folder


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Here]:
    """Runs the main of an executable in this process: a new one takes seconds to import torch."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.getsignal(number) for number in numbers]

    def run(main: Callable[[], int], words: list[str]) -> subprocess.CompletedProcess:
        monkeypatch.setattr(sys, 'argv', [main.__module__, *words])
        capfd.readouterr()
        code = main()
        return subprocess.CompletedProcess(words, code, *capfd.readouterr())

    yield run
    for number, handler in zip(numbers, handlers):
        signal.signal(number, handler)
