"""A driver in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def driver(namespace: str, folder: Path, config_dir: Path) -> Iterator[subprocess.Popen]:
    """The process, killed on the way out; what it says is added to `<folder>/log`."""
    values = {'config_dir': config_dir, 'state_dir': folder / 'state', 'robot': 'twig', 'task': 'twig_task'}
    parameters = [word for name, value in values.items() for word in ('-p', f'{name}:={value}')]
    with open(folder / 'log', 'a') as log:
        process = subprocess.Popen([
            sys.executable, '-c', 'import sys; from dreamer_drivers.main import main; sys.exit(main())',
            '--ros-args', '-r', f'__ns:={namespace}', '-r', '/diagnostics:=diagnostics', *parameters,
        ], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
