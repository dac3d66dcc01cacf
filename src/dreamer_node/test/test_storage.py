"""What cannot be written: exit codes and lines."""

import subprocess
import sys
from pathlib import Path

import pytest

from dreamer_learning.config import ConfigError
from dreamer_node.storage import making_folders

PROGRAM = """
import sys
from dreamer_node.storage import run_storing_node

def factory():
    raise OSError(28, 'No space left on device', 'run/file')

sys.exit(run_storing_node(factory))
"""


def test_a_full_disk_at_the_start_is_one_line_and_exit_code_1() -> None:
    ended = subprocess.run([sys.executable, '-c', PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (1, 'error: run/file: No space left on device\n')


def test_a_path_through_a_file_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    for folder in (tmp_path / 'file', tmp_path / 'file' / 'run'):
        with pytest.raises(ConfigError, match=f'run_dir: {tmp_path}/file'), making_folders(folder):
            folder.mkdir(parents=True)


def test_a_full_disk_is_none(tmp_path: Path) -> None:
    with pytest.raises(OSError, match='No space left'), making_folders(tmp_path):
        raise OSError(28, 'No space left on device')
