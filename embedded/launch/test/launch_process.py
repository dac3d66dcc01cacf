"""Launches in processes of their own, for the tests of signals and exit codes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

RUNNER = '''
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
path, interactive, *arguments = sys.argv[1:]
service = LaunchService(noninteractive=interactive == '0')
service.include_launch_description(LaunchDescription([IncludeLaunchDescription(
    path, launch_arguments=[tuple(argument.split(':=')) for argument in arguments])]))
sys.exit(service.run())
'''


class LaunchProcess:
    """A launch in a process of its own, in a session of its own."""

    def __init__(self, folder: Path, body: str, arguments: list[str], interactive: bool) -> None:
        self.folder = folder
        self.file = folder / 'test.launch.py'
        self.file.write_text(LAUNCH_FILE_HEAD + textwrap.indent(textwrap.dedent(body), '    '))
        (folder / 'runner.py').write_text(RUNNER)
        self.output_path = folder / 'output.txt'
        with self.output_path.open('wb') as output:
            self.process = subprocess.Popen(
                [sys.executable, '-u', str(folder / 'runner.py'), str(self.file), str(int(interactive)), *arguments],
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True, cwd=folder)

    @property
    def output(self) -> str:
        """What the launch has printed so far."""
        return self.output_path.read_text()

    def wait_for_output(self, text: str, seconds: float = 10.0) -> None:
        """Wait until `text` was printed."""
        wait_until(lambda: text in self.output, seconds, lambda: f'{text!r} is not in:\n{self.output}')

    def wait(self, seconds: float = 15.0) -> int:
        """Return the exit code."""
        return self.process.wait(seconds)

    def pids(self) -> list[int]:
        """Return the process ids that the processes of the launch file wrote to files *.pid."""
        return [int(path.read_text()) for path in sorted(self.folder.glob('*.pid')) if path.read_text()]


LAUNCH_FILE_HEAD = '''
import sys
from launch import LaunchDescription
from launch.actions import *
from launch.conditions import *
from launch.event_handlers import *
from launch.events import matches_action
from launch.substitutions import *

def python(code, *arguments):
    return [sys.executable, '-S', '-u', '-c', code, *arguments]

def sleeper(name, prepare='', **options):
    code = ('import os, signal, sys, time\\n' + prepare + f'\\nopen("{name}.pid", "w").write(str(os.getpid()))\\n'
            f'print("{name} is up")\\ntime.sleep(60)')
    return ExecuteProcess(cmd=python(code), name=name, output='screen', **options)

def generate_launch_description():
'''


def wait_until(condition: Callable[[], bool], seconds: float, describe: Callable[[], str] = lambda: '') -> None:
    """Wait until `condition` holds; AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, describe() or 'the condition did not come true in time'
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Return whether a process runs (a zombie does not)."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except (FileNotFoundError, ProcessLookupError):
        return False
