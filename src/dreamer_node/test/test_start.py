"""Executables, from their first line to their end."""

import os
import subprocess
import sys
from pathlib import Path

from dreamer_node.start import NOT_MADE

MODULE = '''
import atexit
import time

def main():
    atexit.register(time.sleep, 60)  # as libraries that hang when the interpreter is taken apart
    print('done')
    return 3
'''


def run(folder: Path, module: str) -> subprocess.CompletedProcess:
    (folder / 'executable.py').write_text(module)
    path = os.pathsep.join([str(folder), *os.environ.get('PYTHONPATH', '').split(os.pathsep)])
    return subprocess.run(
        [sys.executable, '-c', "from dreamer_node.start import start; start('executable')"],
        env={**os.environ, 'PYTHONPATH': path}, capture_output=True, text=True, timeout=30, check=False)


def test_an_executable_ends_with_its_code_whatever_libraries_do_at_the_end(tmp_path: Path) -> None:
    done = run(tmp_path, MODULE)
    assert (done.returncode, done.stdout, done.stderr) == (3, 'done\n', '')


def test_a_module_that_cannot_be_imported_ends_as_a_node_that_cannot_be_made(tmp_path: Path) -> None:
    done = run(tmp_path, 'import no_such_library')
    assert (done.returncode, done.stdout) == (NOT_MADE, '')
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'no_such_library'"
