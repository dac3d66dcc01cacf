"""The console as a process."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from dreamer_interfaces.msg import Metrics, Observation
from dreamer_node.qos import STANDARD, STEPS_KEPT
from dreamer_node.testing import wait_for

NAMESPACE = f'/console_{os.getpid()}'
MAIN = 'import sys; from dreamer_monitor.main import main; sys.exit(main())'
COMMAND = [sys.executable, '-c', MAIN, '--ros-args', '-r', f'__ns:={NAMESPACE}']


class Robot(Node):
    """Publishes what sensing and learner publish."""

    def __init__(self) -> None:
        super().__init__('robot', namespace=NAMESPACE)
        self.observations = self.create_publisher(Observation, 'observation', STEPS_KEPT)
        self.metrics = self.create_publisher(Metrics, 'learner/metrics', STANDARD)
        self.reports = self.create_publisher(DiagnosticArray, '/diagnostics', STANDARD)

    def matched(self) -> bool:
        return all(
            publisher.get_subscription_count() > 0 for publisher in (self.observations, self.metrics, self.reports)
        )

    def publish(self, first: int, last: int) -> None:
        for step in range(first, last):
            message = Observation(stream=3, step=step, reward=[2.0], is_last=[step % 10 == 9], is_terminal=[False])
            message.is_first = [step % 10 == 0]
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(step * 50_000_000, 10**9)
            self.observations.publish(message)

    def report(self) -> None:
        self.metrics.publish(Metrics(updates=12, name=['loss', 'replay_size'], value=[1.5, 77.0]))
        own = DiagnosticStatus(level=DiagnosticStatus.WARN, name=f'{NAMESPACE[1:]}/driver: gate', message='late')
        other = DiagnosticStatus(level=DiagnosticStatus.ERROR, name='robot_2/driver: gate', message='on fire')
        self.reports.publish(DiagnosticArray(status=[own, other]))


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope='module')
def robot() -> Iterator[Robot]:
    rclpy.init()
    node = Robot()
    yield node
    node.destroy_node()
    rclpy.shutdown()


@pytest.fixture(autouse=True)
def _alone(robot: Robot) -> None:
    """A console that has ended stays matched for a while, and would be taken for the next one."""
    wait_for(lambda: robot.observations.get_subscription_count() == 0, 'the end of the console before', 60)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def begin(**parameters: object) -> subprocess.Popen[str]:
        values = {'run_dir': tmp_path / 'a run', 'tensorboard': False} | parameters
        given = [part for name, value in values.items() if value is not None for part in ('-p', f'{name}:={value}')]
        processes.append(subprocess.Popen(
            [*COMMAND, *given], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(('limit', 'reason'), [({'steps': 40}, '40 steps'), ({'duration': 1.95}, '1.95 s of robot time')])
def test_a_limit_ends_with_exit_code_0(
    tmp_path: Path, robot: Robot, start: Start, limit: dict[str, object], reason: str
) -> None:
    process = start(**limit)
    wait_for(robot.matched, 'the console', 60)
    robot.report()
    robot.publish(0, 40)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f'ended        {reason} reached' in out
    run = tmp_path / 'a run'
    assert (run / 'summary.txt').read_text() in out
    assert (run / 'learning_curve.png').stat().st_size > 5000
    assert (run / 'progress.csv').read_text().count('\n') >= 2


@pytest.mark.parametrize('signum', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_a_summary(tmp_path: Path, robot: Robot, start: Start, signum: signal.Signals) -> None:
    process = start()
    assert process.stdout is not None
    assert process.stdout.readline().startswith('0:00:0')
    process.send_signal(signum)
    process.send_signal(signum)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert 'ended        stopped' in out
    assert (tmp_path / 'a run' / 'summary.txt').is_file()


@pytest.mark.parametrize(
    ('parameters', 'message'),
    [
        ({'run_dir': None}, 'run_dir: missing'),
        ({'steps': -1}, 'steps: -1 is not allowed'),
        ({'duration': -1.0}, 'duration: -1.0 is not allowed'),
        ({'run_dir': '/dev/null/run'}, 'run_dir: /dev/null/run: Not a directory'),
    ],
)
def test_bad_parameters(start: Start, parameters: dict[str, object], message: str) -> None:
    _, err = (process := start(**parameters)).communicate(timeout=60)
    assert process.returncode == 2
    assert message in err
    assert 'Traceback' not in err


def test_a_folder_that_cannot_be_made_now_is_one_line_and_exit_code_1(start: Start) -> None:
    # In /proc no folder can be made, whoever asks; it is not the path that is wrong.
    process = start(run_dir='/proc/run')
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == 'error: /proc/run: No such file or directory\n'


def test_on_a_terminal_the_line_updates_in_place(tmp_path: Path, robot: Robot) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.environ['TERM'] = 'xterm'
        os.execv(COMMAND[0], [*COMMAND, '-p', f'run_dir:={tmp_path}', '-p', 'tensorboard:=false'])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 150, 0, 0))
    seen = bytearray()

    def read() -> None:
        while True:
            try:
                seen.extend(os.read(terminal, 4096))
            except OSError:
                return

    reader = threading.Thread(target=read)
    reader.start()
    try:
        wait_for(robot.matched, 'the console', 60)
        robot.publish(0, 40)

        def shown() -> bool:
            robot.report()
            return b'reward 2.00' in seen and b'WARN driver: late' in seen

        wait_for(shown, 'the line', 60)
        os.kill(process, signal.SIGINT)
        _, status = os.waitpid(process, 0)
        assert os.waitstatus_to_exitcode(status) == 0
    finally:
        reader.join(20)
        os.close(terminal)
    text = seen.decode()
    assert text.count('\x1b[1;23r') == 1
    assert 'on fire' not in text
    assert '\x1b[24;1H\x1b[1m0:00:01  40 steps' in text
    assert text.rindex('\x1b[r') < text.index('ended        stopped')


def test_a_killed_console_goes_on_counting_and_ends_at_the_same_step(tmp_path: Path, robot: Robot, start: Start) -> None:
    # The last test: a killed console stays listed as a reader for a while.
    file = tmp_path / 'a run' / '.launch.json'
    process = start(steps=60)
    wait_for(robot.matched, 'the console', 60)
    robot.publish(0, 40)
    wait_for(lambda: file.is_file() and json.loads(file.read_text())['counted']['steps'] == 40, 'the counts on disk', 60)
    process.kill()
    process.communicate()

    # Ten steps pass while it is away.
    process = start(steps=60)

    def ended() -> bool:
        # The killed one stays listed for a while: until the new one hears them, they come again.
        robot.publish(50, 60)
        return process.poll() is not None

    wait_for(ended, 'the limit', 60)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert '60 steps reached' in out
    assert '60 steps, ' in out
    assert not file.exists()
