"""The recorder as a process: real topics, killed and started again."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from steps import action, observation, stock_read

from dreamer_interfaces.msg import Action, Observation
from dreamer_node.qos import STANDARD, STEPS_KEPT
from dreamer_node.testing import wait_for
from dreamer_recorder.reader import read_steps
from dreamer_recorder.scan import files_in_order, is_finished

NAMESPACE = f'/recorder_{os.getpid()}'

Start = Callable[..., subprocess.Popen[str]]


class Robot(Node):
    """Publishes steps as sensing and actor do."""

    def __init__(self) -> None:
        super().__init__('robot', namespace=NAMESPACE)
        self.observations = self.create_publisher(Observation, 'observation', STEPS_KEPT)
        self.actions = self.create_publisher(Action, 'action', STEPS_KEPT)

    def publish(self, first: int, last: int) -> None:
        for step in range(first, last):
            self.observations.publish(observation(step))
            self.actions.publish(action(step))

    def matched(self, count: int) -> bool:
        return self.observations.get_subscription_count() == count == self.actions.get_subscription_count()


@pytest.fixture(scope='module', autouse=True)
def ros() -> Iterator[None]:
    rclpy.init()
    yield
    rclpy.shutdown()


@pytest.fixture
def robot() -> Iterator[Robot]:
    node = Robot()
    yield node
    node.destroy_node()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def begin(**parameters: object) -> subprocess.Popen[str]:
        values = {'run_dir': tmp_path / 'a run', 'flush_period': 0.05} | parameters
        given = [part for name, value in values.items() if value is not None for part in ('-p', f'{name}:={value}')]
        command = [sys.executable, '-c', 'import sys; from dreamer_recorder.main import main; sys.exit(main())']
        processes.append(subprocess.Popen(
            [*command, '--ros-args', '-r', f'__ns:={NAMESPACE}', *given], stderr=subprocess.PIPE, text=True,
        ))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def recorded(tmp_path: Path) -> list[int]:
    return [step.step for step in read_steps(tmp_path / 'a run' / 'bags') if step.action is not None]


def test_killed_and_started_again(tmp_path: Path, robot: Robot, start: Start) -> None:
    process = start()
    wait_for(lambda: robot.matched(1), 'the recorder')
    robot.publish(0, 40)
    wait_for(lambda: recorded(tmp_path) == list(range(40)), 'the steps on disk')
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert recorded(tmp_path) == list(range(40))
    (path,) = files_in_order(tmp_path / 'a run' / 'bags')
    assert not is_finished(path)

    robot.publish(40, 50)
    process = start()
    wait_for(lambda: recorded(tmp_path) == list(range(50)), 'the steps that were published meanwhile')
    assert is_finished(path)
    robot.publish(50, 60)
    wait_for(lambda: recorded(tmp_path) == list(range(60)), 'the new steps')
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    bags = tmp_path / 'a run' / 'bags'
    assert [len(stock_read(bags / name)) for name in ('steps_0001', 'steps_0002')] == [80, 40]
    assert {name for name, _, _ in stock_read(bags / 'steps_0001')} == {
        f'{NAMESPACE}/observation', f'{NAMESPACE}/action',
    }


class Reports:
    """The recorder's reports on /diagnostics."""

    def __init__(self, robot: Robot) -> None:
        self._robot = robot
        self.last: dict[str, str] = {}
        robot.create_subscription(DiagnosticArray, '/diagnostics', self._keep, STANDARD)

    def wait(self, what: str, **values: str) -> None:
        """Wait for a report with these values."""

        def seen() -> bool:
            rclpy.spin_once(self._robot, timeout_sec=0.1)
            return values.items() <= self.last.items()

        wait_for(seen, what)

    def _keep(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == f'{NAMESPACE[1:]}/recorder: recording':
                self.last = {item.key: item.value for item in status.values}
                self.last |= {'summary': status.message, 'level': str(status.level[0])}


def test_diagnostics_and_offered_qos(tmp_path: Path, robot: Robot, start: Start) -> None:
    reports = Reports(robot)
    process = start()
    wait_for(lambda: robot.matched(1), 'the recorder')
    robot.publish(0, 5)
    robot.publish(8, 10)
    reports.wait('the report of a gap', messages='14', gaps='1', level='1')
    assert reports.last['missing steps'] == '3'
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    text = (tmp_path / 'a run' / 'bags' / 'steps_0001' / 'metadata.yaml').read_text()
    assert 'durability: transient_local' in text


def test_a_full_disk(tmp_path: Path, robot: Robot, start: Start) -> None:
    reports = Reports(robot)
    process = start()
    wait_for(lambda: robot.matched(1), 'the recorder')
    robot.publish(0, 30)
    wait_for(lambda: recorded(tmp_path) == list(range(30)), 'the steps on disk')
    (path,) = files_in_order(tmp_path / 'a run' / 'bags')
    limits = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (path.stat().st_size + 100, resource.RLIM_INFINITY))
    robot.publish(30, 40)
    reports.wait('the error', level='2', summary='not recording: File too large', pending='20')
    assert recorded(tmp_path) == list(range(30))
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
    wait_for(lambda: recorded(tmp_path) == list(range(40)), 'the rest')
    reports.wait('the all-clear', level='0', messages='80')
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert err.count('recording stopped') == 1
    assert err.count('recording again') == 1
    assert len(stock_read(tmp_path / 'a run' / 'bags' / 'steps_0001')) == 80


def test_a_second_recorder_is_refused(robot: Robot, start: Start) -> None:
    first = start()
    wait_for(lambda: robot.matched(1), 'the recorder')
    second = start()
    assert second.wait(20) == 2
    assert second.stderr is not None
    text = second.stderr.read()
    assert f'another recorder (process {first.pid})' in text
    assert 'Traceback' not in text


@pytest.mark.parametrize(
    ('parameters', 'message'),
    [
        ({'run_dir': None}, 'run_dir: missing'),
        ({'max_file_size': 5}, 'max_file_size: 5 is not allowed'),
        ({'flush_period': 0.0}, 'flush_period: 0.0 is not allowed'),
        ({'run_dir': '/dev/null/run'}, 'run_dir: /dev/null/run/bags: Not a directory'),
    ],
)
def test_bad_parameters(start: Start, parameters: dict[str, object], message: str) -> None:
    process = start(**parameters)
    assert process.wait(20) == 2
    assert process.stderr is not None
    text = process.stderr.read()
    assert message in text
    assert 'Traceback' not in text


def test_a_folder_that_cannot_be_made_now_is_one_line_and_exit_code_1(start: Start) -> None:
    # In /proc no folder can be made, whoever asks; it is not the path that is wrong.
    process = start(run_dir='/proc/run')
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert err.splitlines() == ['error: /proc/run: No such file or directory']
