"""Nodes in processes of their own, ended as users and launch end them."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = textwrap.dedent('''
    import ctypes
    import sys
    from dreamer_learning.config import ConfigError
    from dreamer_node.node import Node
    from dreamer_node.runtime import run_node

    class Talker(Node):
        def __init__(self):
            super().__init__('talker')
            if 'refuse' in MODE:
                raise ConfigError('robots/x.yaml: unknown key')
            if 'fail' in MODE:
                raise RuntimeError('nobody thought of this')
            if 'full disk' in MODE:
                raise OSError('no space')
            self.timer = self.create_timer(0.01, self.tick)

        def tick(self):
            print('ready', flush=True)
            if 'finish' in MODE:
                self.stop.request(3)
            if 'break' in MODE:
                raise RuntimeError('broken')
            self.timer.cancel()

        def close(self):
            print('closing', flush=True)
            if 'slow' in MODE:
                sys.stdin.readline()
            print('closed', flush=True)

        def destroy_node(self):
            if 'stuck' in MODE:
                ctypes.PyDLL(None).sleep(60)  # holds the interpreter's lock
            super().destroy_node()

    MODE = sys.argv.pop(1)
    sys.exit(run_node(Talker))
''')


def start(mode: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, '-c', PROGRAM, mode, *arguments], text=True, env={**os.environ, 'PYTHONUNBUFFERED': '1'},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signal_closes_and_ends_with_zero(number: signal.Signals) -> None:
    process = start('wait')
    assert process.stdout is not None
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert output.splitlines() == ['closing', 'closed']
    assert 'Traceback' not in errors


def test_a_node_whose_middleware_hangs_with_the_interpreters_lock_ends_all_the_same() -> None:
    process = start('finish, stuck')
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 3
    assert output.splitlines() == ['ready', 'closing', 'closed']


def test_second_signal_does_not_interrupt_closing() -> None:
    process = start('slow')
    assert process.stdout is not None
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == 'closing\n'
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate('\n', timeout=20)
    assert (process.returncode, output) == (0, 'closed\n')
    assert 'Traceback' not in errors


def test_node_ends_itself_with_its_code() -> None:
    process = start('finish')
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 3
    assert output.splitlines()[-1] == 'closed'


def test_configuration_error_is_one_line_and_code_two() -> None:
    process = start('refuse')
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert errors == 'error: robots/x.yaml: unknown key\n'


@pytest.mark.parametrize(('mode', 'code', 'error'), [
    ('fail', 3, 'RuntimeError: nobody thought of this'),
    ('full disk', 1, 'OSError: no space'),
    ('break', 1, 'RuntimeError: broken'),
])
def test_only_an_exception_before_a_node_runs_has_a_code_of_its_own(mode: str, code: int, error: str) -> None:
    process = start(mode)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == code
    assert errors.splitlines()[-1] == error


def test_unexpected_argument_is_named() -> None:
    process = start('wait', '--robot=a1')
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "unexpected argument '--robot=a1'" in errors


def test_unknown_parameter_closes_the_node_and_ends_with_code_two() -> None:
    process = start('wait', '--ros-args', '-p', 'use_simtime:=true')
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (2, 'closing\nclosed\n')
    assert errors.startswith("error: unknown parameter 'use_simtime'; did you mean 'use_sim_time'?")
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize(('content', 'expected'), [
    ('robot: a1\n', 'before ros__parameters at line 1'),
    ('a: [1, 2\n b: }{\n', 'Error'),
    ('/**:\n  ros__parameters: {rates: [1, 2.5]}\n', 'Sequence should be of same type'),
    (None, 'Error opening YAML file'),
])
def test_unusable_parameter_file_is_one_line_and_code_two(tmp_path: Path, content: str | None, expected: str) -> None:
    file = tmp_path / 'given.yaml'
    if content is not None:
        file.write_text(content)
    process = start('wait', '--ros-args', '--params-file', str(file))
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert len(errors.splitlines()) == 1
    assert errors.startswith(f"error: what follows --ros-args cannot be used: Couldn't parse params file: '--params-file {file}'")
    assert expected in errors
    assert '.c:' not in errors
