"""All executables of the suite, started as launch starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_prefix

EXECUTABLES = sorted(
    (entry.module.partition('.')[0], entry.name)
    for entry in entry_points(group='console_scripts') if entry.module.startswith('dreamer_'))


def test_all_are_found() -> None:
    assert {name for _, name in EXECUTABLES} >= {
        'actor', 'console', 'driver', 'info', 'learner', 'mujoco_bridge', 'recorder', 'sensing'}


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(('package', 'name'), EXECUTABLES)
def test_ends_quietly_on_a_signal_while_it_is_still_being_imported(
        tmp_path: Path, package: str, name: str, number: signal.Signals) -> None:
    for module in ('rclpy', 'torch', 'mujoco'):
        (tmp_path / f'{module}.py').write_text("import sys\nprint('importing', flush=True)\nsys.stdin.read()\n")
    path = os.pathsep.join([str(tmp_path), os.environ['PYTHONPATH']])
    process = subprocess.Popen(
        [sys.executable, str(Path(get_package_prefix(package)) / 'lib' / package / name)], env={**os.environ, 'PYTHONPATH': path},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == 'importing\n'
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, '')
