"""The other side of the learner's topics, and learners as processes."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import rclpy
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import UInt64
from std_srvs.srv import Trigger

from dreamer_interfaces.msg import Action, Metrics, Observation, PolicyWeights
from dreamer_node import wire
from dreamer_node.qos import LATCHED, STANDARD, STEPS_KEPT
from dreamer_node.wire import CompleteStep

NUMBERS = itertools.count()


class NodeProcess:
    """A node of the suite as a process: the function main of a module, with parameters.

    Attributes:
        log: what it printed.
    """

    def __init__(self, module: str, folder: Path, namespace: str, **parameters: object) -> None:
        code = f'import sys; from {module} import main; sys.exit(main())'
        command = [sys.executable, '-c', code, '--ros-args', '-r', f'__ns:={namespace}']
        for name, value in parameters.items():
            command += ['-p', f'{name}:={value}']
        self.log = folder / f'{module} {next(NUMBERS)}.log'
        with self.log.open('w') as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)

    def end(self, signum: int | None = None) -> int:
        """Send a signal, wait for the end, return the exit code."""
        if signum is not None:
            self._process.send_signal(signum)
        return self._process.wait(timeout=120)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


class Learner(NodeProcess):
    """A learner of the small agent."""

    def __init__(self, config_dir: Path, run_dir: Path, namespace: str, **parameters: object) -> None:
        values: dict[str, object] = {
            'config_dir': config_dir, 'task': 'reach', 'agent': 'small', 'size': 'tiny', 'run_dir': run_dir,
            'publish_period': 0.2, 'threads': 1, **parameters,
        }
        super().__init__('dreamer_learner.node', run_dir.parent, namespace, **values)


class Recorder(NodeProcess):
    """A recorder into the same run directory."""

    def __init__(self, run_dir: Path, namespace: str) -> None:
        super().__init__('dreamer_recorder.node', run_dir.parent, namespace, run_dir=run_dir, flush_period=0.1)


class Peers:
    """Publishes observations and actions, keeps what the learner publishes; a namespace of its own."""

    def __init__(self) -> None:
        self.namespace = f'/learner_test_{os.getpid()}_{next(NUMBERS)}'
        self._context = Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node('peers', namespace=self.namespace, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._observations = self.node.create_publisher(Observation, 'observation', STEPS_KEPT)
        self._actions = self.node.create_publisher(Action, 'action', STEPS_KEPT)
        self.weights: list[PolicyWeights] = []
        self.metrics: list[Metrics] = []
        self.limits: list[int] = []
        self.node.create_subscription(PolicyWeights, 'policy_weights', self.weights.append, LATCHED)
        self.node.create_subscription(Metrics, 'learner/metrics', self.metrics.append, STANDARD)
        self.node.create_subscription(UInt64, 'step_limit', self._on_limit, LATCHED)
        self._client = self.node.create_client(Trigger, 'save_checkpoint')

    def _on_limit(self, message: UInt64) -> None:
        self.limits.append(message.data)

    def wait(self, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        """Spin until the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, 'waited in vain'
            self._executor.spin_once(timeout_sec=0.02)

    def wait_for_readers(self, count: int = 1) -> None:
        """Wait until so many nodes take observations and actions."""
        publishers = (self._observations, self._actions)
        self.wait(lambda: all(publisher.get_subscription_count() >= count for publisher in publishers))

    def metric(self, name: str) -> float:
        """The newest value, NaN before."""
        for message in reversed(self.metrics):
            if name in message.name:
                return message.value[list(message.name).index(name)]
        return float('nan')

    def env_steps(self) -> int:
        """Of the newest metrics, -1 before."""
        return self.metrics[-1].env_steps if self.metrics else -1

    def send(self, items: Iterable[CompleteStep]) -> None:
        """Publish observations and actions; each reader has them when this returns (a publisher keeps 50)."""
        for count, item in enumerate(items, 1):
            observation = Observation(stream=item.stream, step=item.step, tensors=wire.pack_tensors(item.tensors))
            observation.reward = item.reward.tolist()
            observation.is_first, observation.is_last = item.is_first.tolist(), item.is_last.tolist()
            observation.is_terminal = item.is_terminal.tolist()
            action = Action(stream=item.stream, step=item.step, action=wire.pack('action', item.action))
            action.latent = wire.pack_tensors(item.latent)
            self._observations.publish(observation)
            self._actions.publish(action)
            if count % 20 == 0:
                self._wait_for_acknowledgement()
        self._wait_for_acknowledgement()

    def _wait_for_acknowledgement(self) -> None:
        for publisher in (self._observations, self._actions):
            assert publisher.wait_for_all_acked(Duration(seconds=120)), 'a reader does not take the steps'

    def save_checkpoint(self) -> Trigger.Response:
        """Call the service, again where the answer is that it takes longer."""
        assert self._client.wait_for_service(120.0)
        deadline = time.monotonic() + 120.0
        while True:
            future = self._client.call_async(Trigger.Request())
            self.wait(future.done)
            answer = future.result()
            if 'call again' not in answer.message or time.monotonic() > deadline:
                return answer

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)
