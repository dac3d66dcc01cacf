"""./run when everything is set up, as it is for these tests."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.skipif('DREAMER_ENVIRONMENT' not in os.environ, reason='this environment was not set up by ./run')
def test_a_command_does_not_wait_for_a_setup_that_it_does_not_need() -> None:
    with open(ROOT / 'log' / '.setup.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = subprocess.run([ROOT / 'run', 'echo', 'done'], capture_output=True, text=True, timeout=20, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, 'done\n', '')
