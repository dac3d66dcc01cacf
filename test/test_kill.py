"""kill -9 of each node during training: the robot is safe, the node comes back, nothing recorded is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rclpy
from conftest import System, wait_until
from rclpy.executors import SingleThreadedExecutor

from dreamer_interfaces.msg import Action, JointCommand, Metrics, Observation
from dreamer_node.qos import COMMAND, STANDARD, STEPS
from dreamer_recorder.reader import read_steps


class Listener:
    """The newest message of each topic and the modes of the commands, as a node outside the system sees them."""

    def __init__(self) -> None:
        self.node = rclpy.create_node('listener')
        self.observation = self.action = self.updates = 0
        self.modes: list[int] = []
        self.node.create_subscription(Observation, 'observation', self._on_observation, STEPS)
        self.node.create_subscription(Action, 'action', self._on_action, STEPS)
        self.node.create_subscription(Metrics, 'learner/metrics', self._on_metrics, STANDARD)
        self.node.create_subscription(JointCommand, 'joint_command', lambda m: self.modes.append(m.mode), COMMAND)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)

    def _on_observation(self, message: Observation) -> None:
        self.observation += 1

    def _on_action(self, message: Action) -> None:
        self.action += 1

    def _on_metrics(self, message: Metrics) -> None:
        self.updates = message.updates

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        def spin() -> bool:
            self.executor.spin_once(timeout_sec=0.05)
            return condition()
        wait_until(spin, seconds, what)


@pytest.fixture
def listener() -> Iterator[Listener]:
    rclpy.init()
    made = Listener()
    yield made
    made.node.destroy_node()
    rclpy.shutdown()


def test_every_node_may_be_killed(start: Callable[..., System], listener: Listener, tmp_path: Path) -> None:
    system = start(run_dir=tmp_path, real_time_factor=1.0, seed=1)
    listener.until(lambda: listener.updates > 0, 90, 'the first updates')
    for name in ('actor', 'sensing', 'learner', 'recorder', 'driver', 'mujoco_bridge'):
        pid = system.pid_of(name)
        assert pid, f'{name} is not running:\n{system.output}'
        recorded = sum(1 for _ in read_steps(tmp_path / 'bags'))
        listener.modes.clear()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda name=name, pid=pid: system.pid_of(name) not in (0, pid), 20, f'{name} comes back')
        if name == 'actor':
            assert_holds_then_damps(listener)
        actions, updates = listener.action, listener.updates
        listener.until(lambda actions=actions: listener.action > actions + 20, 40, f'actions after {name}')
        listener.until(lambda updates=updates: listener.updates != updates, 60, f'training goes on after {name}')
        assert sum(1 for _ in read_steps(tmp_path / 'bags')) >= recorded, f'steps were lost with {name}'
    system.interrupt()
    assert system.wait(60) == 0, system.output
    assert_no_joined_gap(tmp_path)


def assert_holds_then_damps(listener: Listener) -> None:
    listener.until(lambda: JointCommand.ACTIVE in listener.modes[-3:] and JointCommand.HOLD in listener.modes, 30, 'a hold')


def assert_no_joined_gap(run_dir: Path) -> None:
    """Within a stream, steps only rise; every new stream begins an episode."""
    last: dict[int, int] = {}
    for step in read_steps(run_dir / 'bags'):
        if step.stream not in last:
            assert step.step > 0 or step.is_first.all()
        else:
            assert step.step > last[step.stream]
        last[step.stream] = step.step
