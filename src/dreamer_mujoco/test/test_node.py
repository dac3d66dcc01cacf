"""The node mujoco_bridge in this process, over real topics and services."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import rclpy
import yaml
from conftest import CONFIG_DIR
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Vector3
from nav_msgs.msg import Odometry
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, Imu, JointState
from std_msgs.msg import UInt64
from tf2_msgs.msg import TFMessage

from dreamer_interfaces.msg import JointCommand
from dreamer_interfaces.srv import Push, ResetWorld, SetPause, StepSimulation
from dreamer_mujoco.node import MujocoBridge
from dreamer_mujoco.rendering import RenderError
from dreamer_node.node import Node
from dreamer_node.qos import COMMAND, LATCHED, SENSOR, STANDARD
from dreamer_node.runtime import make_executor

STAND = [0.0, 0.9, -1.8] * 4
LOCKSTEP = {'lockstep': 'true', 'real_time_factor': '0.0'}
PERIOD = 50_000_000


class Bench:
    """A bridge and a node that listens, in one executor."""

    def __init__(self, parameters: dict[str, str], listen: Sequence[tuple[type, str]]) -> None:
        arguments = ['--ros-args', '-r', f'__ns:=/bridge_test_{os.getpid()}', '-p', f'config_dir:={CONFIG_DIR}']
        for name, value in parameters.items():
            arguments += ['-p', f'{name}:={value}']
        rclpy.init(args=arguments)
        self.received: dict[str, list[Any]] = {}
        self.node = Node('bench')
        self.executor = make_executor()
        self.executor.add_node(self.node)
        self.publisher = self.node.create_publisher(JointCommand, 'joint_command', COMMAND)
        for kind, topic in [(JointState, 'joint_states'), *listen]:
            self.received[topic] = []
            profile = STANDARD if kind is DiagnosticArray else SENSOR
            self.node.create_subscription(kind, topic, self.received[topic].append, profile)
        self.bridge = MujocoBridge()
        self.executor.add_node(self.bridge)
        self.until(lambda: self.received['joint_states'] and self.publisher.get_subscription_count())

    def until(self, condition: Callable[[], object], seconds: float = 60.0) -> None:
        """Spin until the condition holds; fails after the deadline."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, 'nothing came in time'
            self.executor.spin_once(timeout_sec=0.02)

    def answer(self, step: int = 0, **changes: object) -> None:
        """Answer the last joint_states."""
        message = joint_command(self.received['joint_states'][-1], step)
        for name, value in changes.items():
            setattr(message, name, value)
        self.publisher.publish(message)

    def step(self, step: int = 0) -> JointState:
        """One lockstep: answer, and return the next joint_states."""
        before = stamp(self.received['joint_states'][-1])
        self.answer(step)
        self.until(lambda: stamp(self.received['joint_states'][-1]) > before)
        return self.received['joint_states'][-1]

    def call(self, kind: Any, name: str, **fields: object) -> Any:
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready)
        future = client.call_async(kind.Request(**fields))
        self.until(future.done)
        return future.result()

    def diagnostics(self) -> dict[str, str]:
        """Values of the bridge's next report."""
        reports = self.received['/diagnostics']
        reports.clear()
        name = f'{self.bridge.get_fully_qualified_name()[1:]}: simulation'

        def find() -> list[Any]:
            return [status for report in reports for status in report.status if status.name == name]

        self.until(find)
        status = find()[-1]
        return {'message': status.message} | {item.key: item.value for item in status.values}

    def close(self) -> None:
        for node in (self.bridge, self.node):
            self.executor.remove_node(node)
        self.executor.shutdown()
        self.bridge.close()
        self.bridge.destroy_node()
        self.node.destroy_node()
        rclpy.shutdown()


def stamp(message: Any) -> int:
    header = message.header.stamp
    return header.sec * 10**9 + header.nanosec


def joint_command(joints: JointState, step: int) -> JointCommand:
    count = len(joints.name)
    message = JointCommand(step=step, name=list(joints.name), position=STAND, duration=0.05, max_deviation=0.2)
    message.header.stamp = joints.header.stamp
    message.velocity = message.effort = [0.0] * count
    message.kp, message.kd = [80.0] * count, [2.0] * count
    return message


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    """Makes a bench; the one before it is closed."""
    benches: list[Bench] = []

    def make(listen: Sequence[tuple[type, str]] = (), **parameters: str) -> Bench:
        while benches:
            benches.pop().close()
        benches.append(Bench(parameters, listen))
        return benches[-1]

    yield make
    while benches:
        benches.pop().close()


def run_of(make_bench: Callable[..., Bench]) -> list[bytes]:
    bench = make_bench(listen=[(Imu, 'imu')], seed='3', **LOCKSTEP)
    messages = [bytes(bench.step().position) for _ in range(10)]
    bench.until(lambda: stamp(bench.received['imu'][-1]) == stamp(bench.received['joint_states'][-1]))
    return [*messages, repr(bench.received['imu'][-1]).encode()]


def test_lockstep_repeats_bit_by_bit(make_bench: Callable[..., Bench]) -> None:
    first = run_of(make_bench)
    assert run_of(make_bench) == first


def test_lockstep_waits_and_each_answer_is_one_control_period(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(listen=[(Clock, '/clock'), (Imu, 'imu')], **LOCKSTEP)
    first = bench.received['joint_states'][-1]
    assert stamp(first) == PERIOD
    # Unanswered, the same sensors come again, unchanged.
    count = len(bench.received['joint_states'])
    bench.until(lambda: len(bench.received['joint_states']) >= count + 2)
    assert bench.received['joint_states'][-1] == first
    for index in range(2, 6):
        assert stamp(bench.step()) == index * PERIOD
    bench.until(lambda: bench.received['imu'] and stamp(bench.received['imu'][-1]) == 5 * PERIOD)
    clocks = [message.clock.sec * 10**9 + message.clock.nanosec for message in bench.received['/clock']]
    assert clocks == sorted(clocks)


def test_answers_to_old_sensors_are_not_carried_out(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(listen=[(DiagnosticArray, '/diagnostics')], **LOCKSTEP)
    old = bench.received['joint_states'][-1]
    bench.step()
    now = bench.received['joint_states'][-1]
    bench.publisher.publish(joint_command(old, 0))
    bench.until(lambda: bench.diagnostics()['stale commands'] == '1')
    assert stamp(bench.received['joint_states'][-1]) == stamp(now)


def test_refused_commands_are_counted_and_the_right_one_goes_on(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(listen=[(DiagnosticArray, '/diagnostics')], **LOCKSTEP)
    names = list(bench.received['joint_states'][-1].name)
    before = stamp(bench.received['joint_states'][-1])
    faults: list[dict[str, Any]] = [
        {'name': [*names[:-1], 'RL_kalf_joint']},
        {'name': names[:-1]},
        {'kp': [80.0]},
        {'position': [float('nan')] * 12},
    ]
    for count, fault in enumerate(faults, start=1):
        bench.answer(**fault)
        bench.until(lambda: bench.bridge.refusals.total == count)  # noqa: B023
    bench.until(lambda: bench.diagnostics()['message'] == 'waiting for joint_command')
    report = bench.diagnostics()
    causes = {'refused_unknown_joint', 'refused_missing_joint', 'refused_length', 'refused_value'}
    assert {key for key in report if key.startswith('refused_')} == causes
    assert stamp(bench.received['joint_states'][-1]) == before
    assert stamp(bench.step()) == before + PERIOD


def test_step_limit_of_the_learner_is_kept(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(wait_for_learner='true', **LOCKSTEP)
    limits = bench.node.create_publisher(UInt64, 'step_limit', LATCHED)
    limits.publish(UInt64(data=2))
    first = bench.step(step=0)
    bench.answer(step=1)
    count = len(bench.received['joint_states'])
    bench.until(lambda: len(bench.received['joint_states']) > count)
    assert stamp(bench.received['joint_states'][-1]) == stamp(first)
    limits.publish(UInt64(data=3))
    bench.until(lambda: stamp(bench.received['joint_states'][-1]) == stamp(first) + PERIOD)


def test_lockstep_is_paced_by_the_real_time_factor(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(lockstep='true', real_time_factor='2.0')
    bench.step()
    begin = time.monotonic()
    for _ in range(20):
        bench.step()
    # Never faster than asked for; how much slower depends on what else the machine does.
    assert 0.9 * 20 * 0.05 / 2.0 < time.monotonic() - begin < 60.0


def test_real_time_runs_at_its_rate_without_commands(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(listen=[(Clock, '/clock')], real_time_factor='2.0', state_rate='50.0')
    states = bench.received['joint_states']
    bench.until(lambda: len(states) >= 5)
    begin, first = time.monotonic(), stamp(states[-1])
    bench.until(lambda: stamp(states[-1]) >= first + 1_000_000_000)
    assert 0.3 < time.monotonic() - begin < 60.0
    stamps = [stamp(message) for message in states]
    assert stamps == sorted(set(stamps))
    assert stamps[0] > 0


def test_real_time_carries_out_commands(make_bench: Callable[..., Bench]) -> None:
    # On its belly the robot stays below 0.1 m without commands.
    bench = make_bench(listen=[(Odometry, 'ground_truth/odom')], keyframe='belly', real_time_factor='4.0')

    answered: list[int] = []

    def standing() -> bool:
        now = stamp(bench.received['joint_states'][-1])
        if answered[-1:] != [now]:
            # Once a reading: more would queue up before the bridge's timer.
            answered.append(now)
            bench.answer()
        odometry = bench.received['ground_truth/odom']
        return bool(odometry) and stamp(odometry[-1]) > 2_000_000_000

    bench.until(standing)
    assert bench.received['ground_truth/odom'][-1].pose.pose.position.z > 0.2


def test_services(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(listen=[(Odometry, 'ground_truth/odom'), (TFMessage, '/tf')], **LOCKSTEP)
    bench.step()
    states, odometry = bench.received['joint_states'], bench.received['ground_truth/odom']
    response = bench.call(ResetWorld, 'reset_world', keyframe='stant')
    assert not response.success
    assert "did you mean 'stand'" in response.message
    before = stamp(states[-1])
    assert bench.call(ResetWorld, 'reset_world', keyframe='stand').success
    # A gap that sensing sees.
    bench.until(lambda: stamp(states[-1]) == before + 2_000_000_000)
    bench.until(lambda: odometry and stamp(odometry[-1]) == stamp(states[-1]))
    assert odometry[-1].pose.pose.position.z > 0.2
    bench.until(lambda: bench.received['/tf'])
    assert bench.received['/tf'][-1].transforms[0].child_frame_id == 'trunk'

    # A pause alone is no gap.
    before = stamp(states[-1])
    for paused in (True, False):
        assert bench.call(SetPause, 'set_pause', paused=paused).success
    assert stamp(bench.step()) == before + PERIOD

    assert not bench.call(StepSimulation, 'step_simulation', steps=5).success
    assert bench.call(SetPause, 'set_pause', paused=True).success
    bench.answer()
    before = stamp(states[-1])
    assert not bench.call(StepSimulation, 'step_simulation', steps=0).success
    assert bench.call(StepSimulation, 'step_simulation', steps=5).success
    bench.until(lambda: stamp(states[-1]) == before + 10_000_000)
    # Sensing passes over readings between two control periods: it is given one that begins an episode.
    assert bench.call(SetPause, 'set_pause', paused=False).success
    bench.until(lambda: stamp(states[-1]) == before + 10_000_000 + 3 * PERIOD)

    assert bench.call(Push, 'push', impulse=Vector3(x=0.0, y=20.0, z=0.0)).success
    bench.step()
    bench.until(lambda: stamp(odometry[-1]) == stamp(states[-1]))
    assert odometry[-1].twist.twist.linear.y > 0.5
    assert not bench.call(Push, 'push', impulse=Vector3(x=float('nan'))).success


def test_steps_by_hand_carry_out_the_answer(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(keyframe='stand', **LOCKSTEP)
    states = bench.received['joint_states']
    assert bench.call(SetPause, 'set_pause', paused=True).success
    assert any(states[-1].effort)

    def limp() -> bool:
        bench.answer(kp=[0.0] * 12, kd=[0.0] * 12)
        assert bench.call(StepSimulation, 'step_simulation', steps=1).success
        return not any(states[-1].effort)

    bench.until(limp)


def test_a_stop_takes_the_place_of_an_answer_that_waits(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(listen=[(DiagnosticArray, '/diagnostics')], keyframe='stand', wait_for_learner='true', **LOCKSTEP)
    limits = bench.node.create_publisher(UInt64, 'step_limit', LATCHED)
    states = bench.received['joint_states']
    before = stamp(states[-1])
    bench.answer()
    bench.until(lambda: bench.diagnostics()['message'] == 'waiting for step_limit')
    bench.answer(mode=JointCommand.DAMP, kp=[0.0] * 12, kd=[0.0] * 12)
    # Nothing tells that it has come: no sensors go out before the limit rises.
    gate = bench.bridge._gate
    bench.until(lambda: gate.command is not None and not gate.command.kp.any())
    limits.publish(UInt64(data=2))
    bench.until(lambda: stamp(states[-1]) == before + PERIOD)
    assert not any(states[-1].effort)


def test_images_come_to_who_subscribes(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(listen=[(Image, 'camera/image_raw'), (CameraInfo, 'camera/camera_info')], keyframe='stand', **LOCKSTEP)
    images, infos = bench.received['camera/image_raw'], bench.received['camera/camera_info']
    bench.until(lambda: images and infos)
    joints = bench.step()
    bench.until(lambda: stamp(images[-1]) == stamp(joints) and stamp(infos[-1]) == stamp(joints))
    assert (images[-1].width, images[-1].height, images[-1].encoding) == (64, 64, 'rgb8')
    assert len(set(images[-1].data)) > 10


@pytest.mark.parametrize(
    ('parameters', 'words'),
    [
        ({'keyframe': 'bakc'}, "did you mean 'back'"),
        ({'camera': 'maybe'}, "camera 'maybe'"),
        ({'camera': '"off"', 'task': 'a1_walk_camera'}, "camera 'off': the task 'a1_walk_camera' needs images"),
        ({'robot': 'a2'}, "did you mean 'a1'"),
        ({'real_time_factor': '0.0'}, 'real_time_factor 0.0'),
        ({'state_rate': '100000.0'}, 'state_rate'),
        ({'variation.payload': '[2.0, 1.0]'}, 'variation.payload'),
        ({'variation.slope': 'steep'}, 'variation.slope'),
        ({'seed': '-1'}, 'seed -1'),
    ],
)
def test_bad_parameters_end_with_one_line(parameters: dict[str, str], words: str) -> None:
    result = subprocess.run(command(**parameters), capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 2
    assert words in result.stderr
    assert 'Traceback' not in result.stderr


def command(**parameters: str) -> list[str]:
    """How the bridge is started in a process of its own."""
    program = 'import sys; from dreamer_mujoco.main import main; sys.exit(main())'
    given = [word for name, value in parameters.items() for word in ('-p', f'{name}:={value}')]
    return [sys.executable, '-c', program, '--ros-args', '-p', f'config_dir:={CONFIG_DIR}', *given]


def test_a_task_with_images_on_a_machine_that_cannot_draw_ends_with_one_line() -> None:
    blind = {**os.environ, 'MUJOCO_GL': 'egl', 'MUJOCO_EGL_DEVICE_ID': '4711'}
    result = subprocess.run(
        command(task='a1_walk_camera', **LOCKSTEP), env=blind, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith('error: the task needs images: no way to draw camera images without a display (egl: ')
    assert len(result.stderr.splitlines()) == 1


def test_a_robot_without_cameras_cannot_have_a_task_with_images(tmp_path: Path) -> None:
    for folder in ('robots', 'tasks'):
        (tmp_path / folder).mkdir()
    robot = yaml.safe_load((CONFIG_DIR / 'robots' / 'a1.yaml').read_text())
    del robot['simulation']['cameras']
    (tmp_path / 'robots' / 'a1.yaml').write_text(yaml.safe_dump(robot))
    shutil.copy(CONFIG_DIR / 'tasks' / 'a1_walk_camera.yaml', tmp_path / 'tasks')
    result = subprocess.run(
        command(config_dir=str(tmp_path), task='a1_walk_camera'), capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 2
    assert result.stderr == "error: the task 'a1_walk_camera' needs images, and the robot 'a1' has no cameras\n"


def test_a_task_without_images_goes_on_where_they_cannot_be_drawn(
        make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RenderError('no way to draw')

    monkeypatch.setattr('dreamer_mujoco.simulation.CameraRenderer', fail)
    bench = make_bench(listen=[(Image, 'camera/image_raw'), (DiagnosticArray, '/diagnostics')], **LOCKSTEP)
    bench.until(lambda: bench.diagnostics()['message'] == 'no camera images: no way to draw')
    bench.step()
