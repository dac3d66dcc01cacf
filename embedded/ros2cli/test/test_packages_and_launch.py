"""`ros2 pkg`, `run`, `launch`, `interface`, `daemon`, what is not included, and the help."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ros2
from test_streams import read_until

Environment = dict[str, str]


def test_pkg(ros2: Ros2, demo_package: Environment) -> None:
    packages = ros2('pkg', 'list', env=demo_package).stdout.splitlines()
    assert {'demo', 'std_msgs', 'tf2_msgs'} <= set(packages)
    assert packages == sorted(packages)
    share = ros2('pkg', 'prefix', '--share', 'demo', env=demo_package).stdout.strip()
    assert share == demo_package['AMENT_PREFIX_PATH'].split(':')[0] + '/share/demo'
    assert ros2('pkg', 'executables', 'demo', env=demo_package).stdout == 'demo crash\ndemo fail\ndemo wait\n'
    assert ros2('pkg', 'xml', 'demo', '-t', 'version', env=demo_package).stdout == '1.2.3\n'
    missing = ros2('pkg', 'prefix', 'dmo', env=demo_package)
    assert (missing.returncode, missing.stderr) == (1, "Package not found: 'dmo'; did you mean 'demo'?\n")


def test_run_passes_arguments_and_exit_code(ros2: Ros2, demo_package: Environment) -> None:
    result = ros2('run', 'demo', 'fail', '--ros-args', '-p', 'a:=1', env=demo_package)
    assert (result.returncode, result.stdout) == (3, '--ros-args -p a:=1\n[ros2run]: Process exited with failure 3\n')
    crash = ros2('run', 'demo', 'crash', env=demo_package)
    assert (crash.returncode, crash.stdout) == (256 - signal.SIGSEGV, '[ros2run]: Segmentation fault\n')
    missing = ros2('run', 'demo', 'fial', env=demo_package)
    assert (missing.returncode, missing.stderr) == (
        1, "No executable found: 'fial' in package 'demo'; did you mean 'fail'?\n"
    )


def test_run_passes_signals(start: Callable[..., subprocess.Popen[str]], demo_package: Environment) -> None:
    process = start('run', 'demo', 'wait', env=demo_package)
    read_until(process, 'ready')
    process.terminate()
    read_until(process, 'caught')
    assert process.wait(timeout=10) == 7


def test_launch_shows_arguments(ros2: Ros2, demo_package: Environment) -> None:
    assert ros2('launch', 'demo', 'hello.launch.py', '--show-args', env=demo_package).stdout == (
        "Arguments (pass arguments as '<name>:=<value>'):\n\n"
        "    'word':\n        what to say. Valid choices are: ['hello', 'bye']\n        (default: 'hello')\n"
    )


def test_launch_passes_arguments_and_warns_of_unknown_ones(ros2: Ros2, demo_package: Environment) -> None:
    result = ros2('launch', 'demo', 'hello.launch.py', 'word:=bye', 'wrod:=x', env=demo_package)
    assert result.returncode == 0
    assert 'bye' in result.stdout + result.stderr
    assert "WARNING: the launch file declares no argument 'wrod'; did you mean 'word'?\n" in result.stderr


def test_launch_reads_the_file_once_and_says_what_is_wrong_with_it_once(ros2: Ros2, tmp_path: Path) -> None:
    file = tmp_path / 'once.launch.py'
    file.write_text(
        'from launch import LaunchDescription\n'
        f'with open({str(tmp_path / "reads")!r}, "a") as reads:\n    reads.write("x")\n'
        'def generate_launch_description():\n    return LaunchDescription([])\n'
    )
    assert ros2('launch', str(file)).returncode == 0
    assert (tmp_path / 'reads').read_text() == 'x'
    file.write_text('wrong')
    result = ros2('launch', str(file), 'word:=x')
    assert result.returncode == 1
    assert (result.stdout + result.stderr).count("name 'wrong' is not defined") == 1


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('dmo', 'hello.launch.py'), "Package 'dmo' not found; did you mean 'demo'?"),
        (('demo', 'helo.launch.py'), "did you mean 'hello.launch.py'?"),
        (('nowhere/x.launch.py',), "Launch file 'nowhere/x.launch.py' does not exist"),
        (('demo', 'hello.launch.py', 'word'), "malformed launch argument 'word', expected format '<name>:=<value>'"),
    ],
)
def test_launch_mistakes(ros2: Ros2, demo_package: Environment, arguments: tuple[str, ...], message: str) -> None:
    result = ros2('launch', *arguments, env=demo_package)
    assert result.returncode == 1
    assert result.stderr.endswith(message + '\n')
    assert len(result.stderr.splitlines()) == 1


def test_interface(ros2: Ros2) -> None:
    assert ros2('interface', 'show', 'std_msgs/msg/Header', '--no-comments').stdout == (
        'builtin_interfaces/Time stamp\n\tint32 sec\n\tuint32 nanosec\nstring frame_id\n'
    )
    assert ros2('interface', 'show', '-', stdin='std_srvs/srv/SetBool\n').stdout.startswith('bool data')
    assert ros2('interface', 'proto', 'std_msgs/msg/String').stdout == '"data: \'\'\n"\n'
    assert 'tf2_msgs' in ros2('interface', 'packages', '-a').stdout.splitlines()
    assert 'std_srvs/srv/Trigger' in ros2('interface', 'package', 'std_srvs').stdout.splitlines()
    unknown = ros2('interface', 'show', 'std_msgs/msg/Strin')
    assert unknown.returncode == 1
    assert unknown.stderr == "Could not find the interface 'std_msgs/msg/Strin'; did you mean 'std_msgs/msg/String'?\n"
    assert ros2('interface', 'show', 'std_msg/msg/String').stderr.startswith("Unknown package 'std_msg'; did you mean '")


def test_help_and_usage(ros2: Ros2) -> None:
    text = ros2('--help').stdout
    assert '  topic      Various topic related sub-commands\n' in text
    assert ros2().stdout == text
    assert '  echo   Output messages from a topic\n' in ros2('topic').stdout
    assert ros2('topic', 'nonsense').returncode == 2
    assert ros2('topic', 'list', '--nonsense').returncode == 2


@pytest.mark.parametrize('verb', ['start', 'status', 'stop'])
def test_there_is_no_daemon(ros2: Ros2, verb: str) -> None:
    result = ros2('daemon', verb)
    assert (result.returncode, result.stdout, result.stderr) == (0, 'The daemon is not running\n', '')


@pytest.mark.parametrize(
    ('arguments', 'package'),
    [
        (('bag', 'info', '--verbose', 'x'), 'ros-jazzy-rosbag2'),
        (('component', 'list'), 'ros-jazzy-ros2component'),
        (('doctor', '--report'), 'ros-jazzy-ros2doctor'),
        (('multicast', 'receive'), 'ros-jazzy-ros2multicast'),
        (('security', 'create_keystore', 'keys'), 'ros-jazzy-sros2'),
        (('extensions', '-a'), 'ros-jazzy-ros2cli'),
        (('pkg', 'create', '--build-type', 'ament_python', 'new'), 'ros-jazzy-ros2pkg'),
    ],
)
def test_what_is_not_included_says_what_to_install(ros2: Ros2, arguments: tuple[str, ...], package: str) -> None:
    result = ros2(*arguments)
    assert result.returncode == 1
    assert f'Debian package {package}' in result.stderr
    assert len(result.stderr.splitlines()) == 1
