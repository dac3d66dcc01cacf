"""Runs the command and a node for it in real processes of a ROS domain of their own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
# A running process is seen after 0.1 s at the latest, instead of 3 s.
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<dds xmlns="http://www.eprosima.com"><profiles><participant profile_name="quick" is_default_profile="true"><rtps><builtin>
<discovery_config><leaseAnnouncement><sec>0</sec><nanosec>100000000</nanosec></leaseAnnouncement></discovery_config>
</builtin></rtps></participant></profiles></dds>
"""

Ros2 = Callable[..., 'subprocess.CompletedProcess[str]']


@pytest.fixture(scope='session', autouse=True)
def _private_domain() -> Iterator[None]:
    """A ROS domain of the tests' own: they neither move nor hear what runs in the user's."""
    with contextlib.closing(socket.socket()) as holder:
        for domain in (1 + (os.getpid() + step) % 100 for step in range(100)):
            # A port holds it, as ROS 2's domain_coordinator does: packages tested at the same time do not meet either.
            with contextlib.suppress(OSError):
                if str(domain) != os.environ.get('ROS_DOMAIN_ID'):
                    holder.bind(('127.0.0.1', 22119 + domain))
                    break
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        yield


@pytest.fixture(scope='session')
def environment(_private_domain: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    profile = tmp_path_factory.mktemp('dds') / 'profile.xml'
    profile.write_text(PROFILE)
    paths = [str(PACKAGE), os.environ.get('PYTHONPATH', '')]
    return {
        **os.environ,
        'PYTHONPATH': os.pathsep.join(filter(None, paths)),
        'FASTDDS_DEFAULT_PROFILES_FILE': str(profile),
        'FASTRTPS_DEFAULT_PROFILES_FILE': str(profile),
        'ROS_LOG_DIR': str(tmp_path_factory.mktemp('log')),
        'PYTHONUNBUFFERED': '1',
        'COLUMNS': '200',
    }


@pytest.fixture(scope='session')
def ros2(environment: dict[str, str]) -> Ros2:
    """Runs `ros2 ARGUMENTS...` to its end."""

    def run(*arguments: str, env: dict[str, str] | None = None, stdin: str = '') -> subprocess.CompletedProcess[str]:
        command = [sys.executable, '-m', 'ros2cli', *arguments]
        merged = {**environment, **(env or {})}
        return subprocess.run(command, env=merged, input=stdin, capture_output=True, text=True, timeout=60)

    return run


@pytest.fixture(scope='session')
def start(environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `ros2 ARGUMENTS...`; what still runs at the end is killed."""
    processes = []

    def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, '-m', 'ros2cli', *arguments],
            env={**environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture(scope='session')
def talker(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The node of nodes/talker.py, ready."""
    script = Path(__file__).parent / 'nodes' / 'talker.py'
    process = subprocess.Popen([sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == 'ready\n'
    yield process
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture
def demo_package(tmp_path: Path) -> dict[str, str]:
    """The environment in which a package 'demo' with executables and launch files is installed."""
    (tmp_path / 'share/ament_index/resource_index/packages').mkdir(parents=True)
    (tmp_path / 'share/ament_index/resource_index/packages/demo').touch()
    (tmp_path / 'share/demo/launch').mkdir(parents=True)
    (tmp_path / 'share/demo/package.xml').write_text('<package><name>demo</name><version>1.2.3</version></package>')
    (tmp_path / 'share/demo/launch/hello.launch.py').write_text(
        'from launch import LaunchDescription\n'
        'from launch.actions import DeclareLaunchArgument, ExecuteProcess\n'
        'from launch.substitutions import LaunchConfiguration\n'
        'def generate_launch_description():\n'
        '    return LaunchDescription([\n'
        "        DeclareLaunchArgument('word', default_value='hello', choices=['hello', 'bye'], description='what to say'),\n"
        "        ExecuteProcess(cmd=['echo', LaunchConfiguration('word')], output='screen'),\n"
        '    ])\n'
    )
    tools = tmp_path / 'lib/demo'
    tools.mkdir(parents=True)
    scripts = {
        'fail': '#!/bin/sh\necho "$@"\nexit 3\n',
        'crash': '#!/bin/sh\nkill -SEGV $$\n',
        'wait': "#!/bin/sh\ntrap 'echo caught; kill $child; exit 7' TERM\nsleep 60 &\nchild=$!\necho ready\nwait\n",
    }
    for name, text in scripts.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    return {'AMENT_PREFIX_PATH': f'{tmp_path}{os.pathsep}{os.environ["AMENT_PREFIX_PATH"]}'}
