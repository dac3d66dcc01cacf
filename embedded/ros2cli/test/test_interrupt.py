"""Signals whose exception Python drops."""

import subprocess
import sys

import pytest
from conftest import PACKAGE

PROGRAM = '''
import os, signal, sys
sys.path.insert(0, {path!r})
from ros2cli import interrupt

class Deleted:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})

interrupt.watch()
Deleted()
print('goes on', flush=True)
try:
    interrupt.check()
except (KeyboardInterrupt, interrupt.Terminated) as error:
    print(type(error).__name__)
'''


@pytest.mark.parametrize(('name', 'expected'), [('SIGINT', 'KeyboardInterrupt'), ('SIGTERM', 'Terminated')])
def test_a_signal_in_a_destructor_is_not_lost(name: str, expected: str) -> None:
    program = PROGRAM.format(path=str(PACKAGE), name=name)
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ['goes on', expected]
