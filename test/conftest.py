"""Starts whole systems as a user does, watches their output, and makes sure that nothing is left of them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rclpy
import yaml
from ament_index_python.packages import get_package_share_directory
from listener import Listener

from dreamer_node.testing import private_domain, wait_for

MARK = 'DREAMER_SYSTEM_TEST'


def alive(mark: str) -> dict[int, str]:
    """Processes that inherited this mark: pid -> command line."""
    found = {}
    for folder in Path('/proc').iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            if f'{MARK}={mark}'.encode() in (folder / 'environ').read_bytes():
                command = (folder / 'cmdline').read_bytes().replace(b'\0', b' ').decode(errors='replace')
                if command:
                    found[int(folder.name)] = command
        except OSError:
            continue
    return found


class System:
    """`ros2 launch dreamer_bringup <file> ...` in a process group of its own, in the ROS domain of the tests."""

    def __init__(self, file: str, arguments: dict[str, object]) -> None:
        self.mark = uuid.uuid4().hex
        command = ['ros2', 'launch', 'dreamer_bringup', file, *(f'{key}:={value}' for key, value in arguments.items())]
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            command, env={**os.environ, MARK: self.mark}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors='replace', start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    @property
    def output(self) -> str:
        return '\n'.join(self.lines)

    def wait_for_output(self, pattern: str, seconds: float) -> re.Match:
        """The first match in the output so far and to come."""
        wait_for(lambda: bool(re.search(pattern, self.output)) or self.process.poll() is not None,
                 f'{pattern!r} in\n{self.output}', seconds)
        match = re.search(pattern, self.output)
        assert match, f'ended without {pattern!r}:\n{self.output}'
        return match

    def pid_of(self, executable: str) -> int:
        """The process of a node, by the name of its executable; 0 = none."""
        for pid, command in alive(self.mark).items():
            if re.search(rf'/{executable}( |$)', command) and 'ros2 launch' not in command:
                return pid
        return 0

    def interrupt(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self, seconds: float) -> int:
        """The exit code, once the launch and all that it started are gone."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'still running after {seconds} s:\n{self.output}') from None
        self._reader.join(30)
        wait_for(lambda: not alive(self.mark), f'the end of {alive(self.mark)}', 30)
        return code

    def kill(self) -> None:
        for pid in alive(self.mark):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(30)


@pytest.fixture
def start() -> Iterator[Callable[..., System]]:
    """Start a system; whatever is left of it when the test ends is killed."""
    started: list[System] = []

    def begin(file: str = 'robot.launch.py', **arguments: object) -> System:
        started.append(System(file, arguments))
        return started[-1]

    yield begin
    for system in started:
        system.kill()


@pytest.fixture(scope='session', autouse=True)
def _private_domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A ROS domain and a ROS_HOME of the tests' own: they neither move nor hear what runs in the user's, nor meet its stops."""
    os.environ['ROS_HOME'] = str(tmp_path_factory.mktemp('ros_home'))
    yield from private_domain()


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    """Listen to the systems of this test, in a namespace."""
    rclpy.init()
    made: list[Listener] = []

    def begin(namespace: str = '') -> Listener:
        made.append(Listener(namespace))
        return made[-1]

    yield begin
    for listener in made:
        listener.close()
    rclpy.shutdown()


@pytest.fixture
def own_config(tmp_path: Path) -> Path:
    """A user's own config_dir: the shipped one, and the agent `quick`: size cpu with batches of 128 steps."""
    share = Path(get_package_share_directory('dreamer_bringup'))
    for folder in ('config', 'urdf'):
        shutil.copytree(share / folder, tmp_path / folder, copy_function=shutil.copy)
    agents = tmp_path / 'config' / 'agents'
    content = yaml.safe_load((agents / 'dreamer_v3.yaml').read_text())
    size = {**content['sizes']['cpu'], 'replay': {'capacity': 100000, 'batch': 8, 'length': 16, 'start': 128}}
    (agents / 'quick.yaml').write_text(yaml.safe_dump({'defaults': content['defaults'], 'sizes': {'cpu': size}}))
    return tmp_path / 'config'
