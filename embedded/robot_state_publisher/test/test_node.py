"""The node in a process of its own: what it publishes, what it ignores, how it ends."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import rclpy
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from robot_state_publisher.node import RobotStatePublisher

URDF = """<robot name="r"><link name="base"/><link name="arm"/><link name="hand"/><link name="finger"/>
<joint name="turn" type="continuous"><parent link="base"/><child link="arm"/><axis xyz="0 0 1"/></joint>
<joint name="hold" type="fixed"><parent link="arm"/><child link="hand"/><origin xyz="0 0 0.1"/></joint>
<joint name="grip" type="prismatic"><parent link="hand"/><child link="finger"/><axis xyz="1 0 0"/>
<limit lower="0" upper="1" effort="1" velocity="1"/><mimic joint="turn" multiplier="2" offset="0.5"/></joint></robot>"""
URDF = URDF.replace('\n', ' ')   # a value after -p is read as YAML, which folds lines
DEADLINE = 20.0
ASK_AGAIN = 2.0
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def start(
    *parameters: str, remaps: tuple[str, ...] = (), before: Path | None = None, words: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    """The node with `words` as its arguments; modules in the folder `before` come before all others."""
    root = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [str(before or ''), root, os.environ.get('PYTHONPATH', '')]))
    arguments = [word for parameter in parameters for word in ('-p', parameter)]
    arguments += [word for remap in remaps for word in ('-r', remap)]
    return subprocess.Popen(
        [sys.executable, '-m', 'robot_state_publisher.main', *words, '--ros-args', *arguments],
        env={**os.environ, 'PYTHONPATH': path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class World:
    """The node under test, in a namespace of its own, and a node that talks to it."""

    def __init__(self) -> None:
        self.namespace = f'/test_{uuid.uuid4().hex}'
        # The namespace does not reach /tf, which is global: frames get a prefix to know them by.
        self.prefix = self.namespace[1:] + '/'
        self.node: Node = rclpy.create_node('observer', namespace=self.namespace)
        self.moving: list[Any] = []
        self.static: list[Any] = []
        self.descriptions: list[str] = []
        self.node.create_subscription(TFMessage, '/tf', lambda m: self._keep(m, self.moving), 100)
        self.node.create_subscription(TFMessage, '/tf_static', lambda m: self._keep(m, self.static), LATCHED)
        self.node.create_subscription(String, 'robot_description', lambda m: self.descriptions.append(m.data), LATCHED)
        self.states = self.node.create_publisher(JointState, 'joint_states', 10)
        self.process = start(
            f'robot_description:={URDF}', f'frame_prefix:={self.prefix}', remaps=(f'__ns:={self.namespace}',)
        )

    def _keep(self, message: TFMessage, kept: list[Any]) -> None:
        kept.extend(t for t in message.transforms if t.child_frame_id.startswith(self.prefix))

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = monotonic() + DEADLINE
        while not condition():
            assert monotonic() < deadline, 'nothing came in time'
            assert self.process.poll() is None, 'the node has ended'
            rclpy.spin_once(self.node, timeout_sec=0.05)

    def publish(self, seconds: int, turn: float) -> None:
        state = JointState(name=['turn', 'unknown'], position=[turn, 1.0])
        state.header.stamp.sec = seconds
        self.states.publish(state)

    def set_description(self, text: str) -> Any:
        client = self.node.create_client(SetParameters, 'robot_state_publisher/set_parameters')
        self.wait(client.service_is_ready)
        parameter: ParameterMsg = Parameter('robot_description', value=text).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        asked: list[tuple[float, Any]] = []

        def answered() -> bool:
            # A server that has not found the client's reader yet drops its answer.
            if not asked or monotonic() - asked[-1][0] > ASK_AGAIN:
                asked.append((monotonic(), client.call_async(request)))
            return any(future.done() for _, future in asked)

        self.wait(answered)
        return next(future for _, future in asked if future.done()).result().results[0]

    def close(self) -> None:
        self.process.terminate()  # killed, it would leave its shared memory behind
        self.process.wait(timeout=DEADLINE)
        self.node.destroy_node()


@pytest.fixture
def world() -> Iterator[World]:
    rclpy.init()
    world = World()
    yield world
    world.close()
    rclpy.shutdown()


def test_publishes_description_and_fixed_joints_latched(world: World) -> None:
    world.wait(lambda: bool(world.descriptions and world.static))
    assert world.descriptions == [URDF]
    [hold] = world.static
    assert (hold.header.frame_id, hold.child_frame_id) == (world.prefix + 'arm', world.prefix + 'hand')
    assert hold.transform.translation.z == pytest.approx(0.1)


def test_publishes_moving_and_mimic_joints_and_ignores_zero_stamps(world: World) -> None:
    world.wait(lambda: world.states.get_subscription_count() == 1 and world.node.count_publishers('/tf') >= 1)
    world.wait(lambda: bool(world.static))
    world.publish(0, 3.0)
    now = world.node.get_clock().now().to_msg().sec
    world.publish(now, 1.0)
    world.publish(now, 2.0)   # within the period of 20 Hz
    world.publish(now + 1, 0.25)
    world.wait(lambda: len(world.moving) >= 4)
    turns = [t for t in world.moving if t.child_frame_id.endswith('arm')]
    assert [t.header.stamp.sec for t in turns] == [now, now + 1]
    assert turns[0].transform.rotation.z == pytest.approx(math.sin(0.5))
    assert turns[0].transform.rotation.w == pytest.approx(math.cos(0.5))
    grips = [t.transform.translation.x for t in world.moving if t.child_frame_id.endswith('finger')]
    assert grips == pytest.approx([2.5, 1.0])


def test_takes_a_new_description_and_refuses_a_broken_one(world: World) -> None:
    refused = world.set_description('<robot')
    assert not refused.successful
    assert refused.reason.startswith('robot_description: not well-formed XML')
    changed = URDF.replace('0 0 0.1', '0 0 0.2')
    assert world.set_description(changed).successful
    world.wait(lambda: changed in world.descriptions)
    world.wait(lambda: any(t.transform.translation.z == pytest.approx(0.2) for t in world.static))


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_ends_cleanly_on_a_signal_even_twice(world: World, number: signal.Signals) -> None:
    world.wait(lambda: bool(world.descriptions))
    world.process.send_signal(number)
    world.process.send_signal(number)
    _, errors = world.process.communicate(timeout=DEADLINE)
    assert world.process.returncode == 0
    assert 'Traceback' not in errors


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_ends_quietly_on_a_signal_while_it_is_still_being_imported(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / 'rclpy.py').write_text("import sys\nprint('importing', flush=True)\nsys.stdin.read()\n")
    process = start(before=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == 'importing\n'
    process.send_signal(number)
    _, errors = process.communicate(timeout=DEADLINE)
    assert (process.returncode, errors) == (0, '')


@pytest.mark.parametrize(
    ('parameters', 'message'),
    [
        (('robot_description:=<robot',), 'robot_state_publisher: robot_description: not well-formed XML'),
        ((), 'robot_state_publisher: robot_description: it is empty'),
        ((f'robot_description:={URDF}', 'publish_frequency:=2000.0'), 'publish_frequency must be between 0.0 and 1000.0 Hz'),
    ],
)
def test_unusable_parameters_are_one_line_and_a_failure(parameters: tuple[str, ...], message: str) -> None:
    process = start(*parameters)
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert message in errors
    assert 'Traceback' not in errors


def test_an_argument_names_the_urdf_file_where_the_parameter_is_empty(tmp_path: Path) -> None:
    file = tmp_path / 'robot.urdf'
    file.write_text(URDF)
    rclpy.init()
    node = RobotStatePublisher(str(file))
    assert node.get_parameter('robot_description').value == URDF
    node.destroy_node()
    rclpy.shutdown()
    process = start(words=(str(file),))
    assert process.stderr is not None
    errors = process.stderr.readline() + process.stderr.readline()
    process.terminate()
    process.communicate(timeout=DEADLINE)
    assert 'Assuming argument is name of URDF file.' in errors
    assert "robot 'r': 4 links" in errors


def test_an_argument_is_ignored_beside_the_parameter(tmp_path: Path) -> None:
    process = start(f'robot_description:={URDF}', words=(str(tmp_path / 'none.urdf'),))
    assert process.stderr is not None
    assert "robot 'r': 4 links" in process.stderr.readline()
    process.terminate()
    process.communicate(timeout=DEADLINE)


def test_a_urdf_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = str(tmp_path / 'none.urdf')
    process = start(words=(file,))
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert errors.endswith(f'robot_state_publisher: Failed to open URDF file: {file}: No such file or directory\n')
