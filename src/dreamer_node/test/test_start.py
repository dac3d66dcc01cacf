"""Executables, from their first line to their end."""

import os
import subprocess
import sys
from pathlib import Path

MODULE = '''
import atexit
import time

def main():
    atexit.register(time.sleep, 60)  # as libraries that hang when the interpreter is taken apart
    print('done')
    return 3
'''


def test_an_executable_ends_with_its_code_whatever_libraries_do_at_the_end(tmp_path: Path) -> None:
    (tmp_path / 'executable.py').write_text(MODULE)
    path = os.pathsep.join([str(tmp_path), *os.environ.get('PYTHONPATH', '').split(os.pathsep)])
    done = subprocess.run(
        [sys.executable, '-c', "from dreamer_node.start import start; start('executable')"],
        env={**os.environ, 'PYTHONPATH': path}, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, 'done\n', '')
