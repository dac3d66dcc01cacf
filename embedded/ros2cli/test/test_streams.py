"""Commands that run until they are stopped: hz, echo, pub; and what stops them."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Ros2
from rclpy.qos import QoSProfile, QoSReliabilityPolicy

from ros2cli.qos import match_publishers
from ros2cli.topic_rate import Measurement, _say_reset_of_bandwidth

RELIABLE, BEST_EFFORT = QoSReliabilityPolicy.RELIABLE, QoSReliabilityPolicy.BEST_EFFORT
Start = Callable[..., 'subprocess.Popen[str]']


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    """The output up to the line that matches; what says nothing of the kind for a minute is killed."""
    assert process.stdout is not None
    read = []
    timer = threading.Timer(60, process.kill)
    timer.start()
    try:
        for line in process.stdout:
            read.append(line)
            if re.search(pattern, line):
                return ''.join(read)
    finally:
        timer.cancel()
    raise AssertionError(f'ended without {pattern!r}: {"".join(read)}')


def test_hz_and_interrupt(talker: subprocess.Popen[str], start: Start) -> None:
    process = start('topic', 'hz', '/demo/chatter')
    text = read_until(process, 'window: ')
    match = re.search(r'average rate: (\d+\.\d{3})\n\tmin: \d\.\d{3}s max: \d\.\d{3}s std dev: \d\.\d{5}s window: \d+\n', text)
    assert match is not None
    assert 0.0 < float(match[1]) < 100.0
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == signal.SIGINT
    assert process.stdout is not None
    assert 'Traceback' not in process.stdout.read()


def test_bw(talker: subprocess.Popen[str], start: Start) -> None:
    text = read_until(start('topic', 'bw', '/demo/chatter'), 'mean')
    assert re.search(r'\d+ B/s from \d+ messages\n\tMessage size mean: 16 B min: 16 B max: 16 B\n', text)


@pytest.mark.parametrize('say_reset', [None, _say_reset_of_bandwidth])
def test_a_clock_that_was_set_back_is_told(capsys: pytest.CaptureFixture[str], say_reset: Callable[[], None] | None) -> None:
    times = iter([5, 3])
    clock: Any = SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=next(times)))
    measurement = Measurement(10, clock, say_reset) if say_reset else Measurement(10, clock)
    measurement.add(1.0, measurement.now() or 0)
    assert measurement.now() == 3
    assert not measurement.values
    out, error = capsys.readouterr()
    # The streams and words of the stock command: those of hz and delay, and those of bw.
    assert (out, error) == (
        ('', 'WARNING: time is reset!\n') if say_reset else ('time has reset, resetting counters\n', '')
    )


def test_publishers_that_differ_are_told_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    profiles = [QoSProfile(depth=1, reliability=policy) for policy in (RELIABLE, BEST_EFFORT)]
    offered = [SimpleNamespace(qos_profile=profile) for profile in profiles]
    node: Any = SimpleNamespace(get_publishers_info_by_topic=lambda _topic: offered)
    assert match_publishers(node, '/x', QoSProfile(depth=1)).reliability == BEST_EFFORT
    out, error = capsys.readouterr()
    assert out.startswith('Some, but not all, publishers are offering ReliabilityPolicy.RELIABLE. Falling back')
    assert error == ''


def test_delay_needs_a_header(talker: subprocess.Popen[str], ros2: Ros2) -> None:
    result = ros2('topic', 'delay', '/demo/chatter')
    assert (result.returncode, result.stderr) == (1, "msg does not have header: '/demo/chatter' carries String\n")


def test_terminated_echo(talker: subprocess.Popen[str], start: Start) -> None:
    process = start('topic', 'echo', '/demo/chatter')
    assert read_until(process, '---') == 'data: hello\n---\n'
    process.terminate()
    assert process.wait(timeout=60) == signal.SIGTERM


def test_service_echo(talker: subprocess.Popen[str], start: Start, ros2: Ros2) -> None:
    echo = start('service', 'echo', '/demo/set', '--flow-style')
    # Until the echo has found the service it misses calls, so one is not enough.
    calls = start('service', 'call', '-r', '5', '/demo/set', 'std_srvs/srv/SetBool', '{data: true}')
    # It may begin in the middle of a call.
    text = ''.join(read_until(echo, pattern) for pattern in ('REQUEST_RECEIVED', 'RESPONSE_SENT', '^---'))
    assert 'event_type: REQUEST_RECEIVED\n' in text
    assert 'request: [{data: true}]\nresponse: []\n---\n' in text
    assert text.endswith('request: []\nresponse: [{success: true, message: set}]\n---\n')
    calls.kill()


def test_pub_once_arrives(talker: subprocess.Popen[str], ros2: Ros2) -> None:
    result = ros2('topic', 'pub', '--once', '/demo/in', 'std_msgs/msg/Int32', 'data: 42')
    assert result.stdout.endswith('publisher: beginning loop\npublishing #1: std_msgs.msg.Int32(data=42)\n\n')
    assert read_until(talker, '') == 'received 42\n'


def test_pub_times(ros2: Ros2) -> None:
    result = ros2('topic', 'pub', '-t', '3', '-r', '50', '-w', '0', '/nobody', 'std_msgs/msg/Header', 'stamp: now')
    assert result.returncode == 0
    stamps = re.findall(r'publishing #\d: std_msgs.msg.Header\(stamp=builtin_interfaces.msg.Time\((.*)\), frame', result.stdout)
    assert len(stamps) == len(set(stamps)) == 3


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('std_msgs/msg/Strin',), "type is invalid: 'std_msgs/msg/Strin' is not installed; did you mean 'std_msgs/msg/String'?"),
        (('std_msgs/msg/String', '[1'), 'is not valid YAML'),
        (('std_msgs/msg/String', 'hello'), 'needs to be a dictionary'),
        (('std_msgs/msg/String', 'dat: x'), "String has no field 'dat'; did you mean 'data'?"),
    ],
)
def test_pub_mistakes(ros2: Ros2, arguments: tuple[str, ...], message: str) -> None:
    result = ros2('topic', 'pub', '--once', '/x', *arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
