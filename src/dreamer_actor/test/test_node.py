"""The actor as a process, with real policies; this side plays sensing and the learner."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

from dreamer_interfaces.msg import Action, Metrics, Observation, PolicyWeights
from dreamer_learning import weights
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.export import Origin, export_policy
from dreamer_learning.policy import Policy
from dreamer_learning.spaces import load_task
from dreamer_node import wire
from dreamer_node.qos import LATCHED, STANDARD, STEPS_KEPT

NUMBERS = itertools.count()
MAIN = 'import sys; from dreamer_actor.main import main; sys.exit(main())'
WITHOUT_TORCH = f"import sys; sys.modules['torch'] = None; {MAIN}"
SMALL = {'agent': 'small', 'size': 'tiny'}


class Rig:
    """An actor process and the other side of its topics, in a namespace of their own.

    Args:
        code: of the process.
    """

    def __init__(self, config_dir: Path, folder: Path, code: str = MAIN, **parameters: object) -> None:
        self.config, self.task = load_agent(config_dir, 'small', 'tiny', {}), load_task(config_dir, 'reach')
        self.agent = Agent(self.config, self.task, 'cpu', 1)
        self.namespace = f'/actor_test_{os.getpid()}_{next(NUMBERS)}'
        self.log = folder / 'actor.log'
        agent = {} if parameters.get('runtime') == 'onnx' else SMALL
        values = {'config_dir': config_dir, 'task': 'reach', **agent, **parameters}
        command = [sys.executable, '-c', code, '--ros-args', '-r', f'__ns:={self.namespace}']
        for name, value in values.items():
            command += ['-p', f'{name}:={value}']
        with self.log.open('w') as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        self._context = Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node('peers', namespace=self.namespace, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.actions: list[Action] = []
        self.metrics: list[Metrics] = []
        self.reports: dict[str, str] = {}
        # Kept: the actor may answer before it has found this reader.
        self.node.create_subscription(Action, 'action', self.actions.append, STEPS_KEPT)
        self.node.create_subscription(Metrics, 'actor/metrics', self.metrics.append, STANDARD)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, STANDARD)
        self.observations = self.node.create_publisher(Observation, 'observation', STEPS_KEPT)
        self.weights = self.node.create_publisher(PolicyWeights, 'policy_weights', LATCHED)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == f'{self.namespace.lstrip("/")}/actor: actor':
                self.reports = {item.key: item.value for item in status.values}

    def wait(self, condition: Callable[[], bool], seconds: float = 90.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f'waited in vain; the actor says: {self.log.read_text()}'
            self._executor.spin_once(timeout_sec=0.02)

    def connect(self) -> None:
        self.wait(lambda: self.observations.get_subscription_count() > 0 and self.node.count_publishers(
            f'{self.namespace}/action') > 0)

    def observe(self, step: int, size: int = 5) -> Observation:
        message = Observation(stream=2**63 + 5, step=step, reward=[0.0], is_terminal=[False])
        message.header.stamp.sec, message.header.stamp.nanosec = 12, step
        message.tensors = wire.pack_tensors({'state': np.sin(step + np.arange(size, dtype=np.float32))[None]})
        message.is_first, message.is_last = [step == 0], [False]
        return message

    def ask(self, step: int) -> Action:
        """Publish an observation until its answer is there."""
        count = len(self.actions)
        self.observations.publish(self.observe(step))
        self.wait(lambda: len(self.actions) > count)
        return self.actions[-1]

    def wait_for_refusals(self, cause: str, count: int) -> None:
        self.wait(lambda: self.reports.get(f'refused_{cause}') == str(count))

    def announce(self, version: int, data: bytes | None = None, **changes: object) -> None:
        message = PolicyWeights(version=version, agent='small', config_hash=self.config.hash(self.task), env_steps=9)
        for name, value in changes.items():
            setattr(message, name, value)
        message.data = weights.dump(self.agent.policy_parameters()) if data is None else data
        self.weights.publish(message)

    def close(self) -> int:
        """Ctrl-C; the exit code."""
        try:
            self.process.send_signal(signal.SIGINT)
            return self.process.wait(timeout=90)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._executor.shutdown()
            self.node.destroy_node()
            rclpy.shutdown(context=self._context)


@pytest.fixture
def rig(config_dir: Path, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(config_dir, tmp_path)
    yield rig
    assert rig.close() == 0


def test_answers_takes_weights_refuses_bad_ones_and_repeats_itself(rig: Rig) -> None:
    rig.connect()
    action = rig.ask(0)
    assert (action.stream, action.step, action.weights_version) == (2**63 + 5, 0, 0)
    assert (action.header.stamp.sec, action.header.stamp.nanosec) == (12, 0)
    chosen, latent = wire.unpack_action(action)
    assert chosen.shape == (1, 2)
    assert latent == {}
    again, _ = wire.unpack_action(rig.ask(0))
    assert np.array_equal(chosen, again)

    rig.announce(5, updates=321)
    steps = itertools.count(1)
    rig.wait(lambda: rig.ask(next(steps)).weights_version == 5)
    chosen, latent = wire.unpack_action(rig.actions[-1])
    assert (latent['deter'].shape, latent['deter'].dtype.name) == ((1, 32), 'float16')
    assert (latent['stoch'].shape, latent['stoch'].dtype.name) == ((1, 4), 'uint8')

    def numbers() -> dict[str, float]:
        return dict(zip(rig.metrics[-1].name, rig.metrics[-1].value)) if rig.metrics else {}

    rig.wait(lambda: numbers().get('weights_version') == 5)
    assert (numbers()['weights_updates'], rig.metrics[-1].updates) == (321, 321)
    assert numbers()['weights_age_s'] >= 0

    good = weights.dump(rig.agent.policy_parameters())
    for cause, version, data, config_hash in (
        ('unreadable', 6, good[:-1], rig.config.hash(rig.task)),
        ('config_hash', 7, good, 'f' * 16),
        ('version', 3, good, rig.config.hash(rig.task)),
    ):
        rig.announce(version, data, config_hash=config_hash)
        rig.wait_for_refusals(f'weights_{cause}', 1)
    assert rig.ask(next(steps)).weights_version == 5
    rig.announce(8)
    rig.wait(lambda: rig.ask(next(steps)).weights_version == 8)
    assert sum('refused' in line or 'weights' in line for line in rig.log.read_text().splitlines()) == 3


def test_a_wrong_observation_is_refused_in_one_line_and_the_next_one_answered(rig: Rig) -> None:
    rig.connect()
    for _ in range(3):
        rig.observations.publish(rig.observe(0, size=4))
    rig.wait_for_refusals('observation_shape', 3)
    assert rig.actions == []
    assert rig.ask(0).step == 0
    lines = [line for line in rig.log.read_text().splitlines() if 'shape' in line]
    assert len(lines) == 1
    assert "observation tensor 'state' has shape [4], the task says [5]" in lines[0]
    rig.wait(lambda: bool(rig.metrics) and rig.metrics[-1].env_steps == 1)
    numbers = dict(zip(rig.metrics[-1].name, rig.metrics[-1].value))
    assert numbers['refused'] == 3
    assert numbers['answers'] == 1
    assert 0 < numbers['latency_p50_ms'] <= numbers['latency_max_ms']


@pytest.mark.parametrize(('parameters', 'text'), [
    ({'mode': 'evaluate'}, "parameter mode: 'evaluate' is not allowed; did you mean 'eval'?"),
    ({'robot': 'ball'}, "robot 'ball' and task 'reach' do not fit: that task is for robot 'box'"),
    ({'runtime': 'tensorrt'}, "parameter runtime: 'tensorrt' is not allowed; allowed: onnx, torch"),
    ({'policy_file': 'policy.onnx'}, "parameter policy_file: 'policy.onnx' is not allowed with runtime torch"),
    ({'runtime': 'onnx'}, "parameter policy_file: '' is not allowed with runtime onnx"),
    ({'runtime': 'onnx', 'policy_file': 'nowhere.onnx'}, 'policy_file: nowhere.onnx: No such file'),
    ({'runtime': 'onnx', 'policy_file': 'policy.onnx', 'device': 'cuda'}, "'cuda' is not allowed with runtime onnx"),
])
def test_a_wrong_parameter_is_one_line_and_exit_code_2(
    config_dir: Path, tmp_path: Path, parameters: dict[str, str], text: str
) -> None:
    rig = Rig(config_dir, tmp_path, **parameters)
    assert rig.process.wait(timeout=90) == 2
    rig.close()
    lines = rig.log.read_text().splitlines()
    assert len(lines) == 1
    assert text in lines[0]


@pytest.fixture(scope='module')
def policy_file(config_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policy of the rig's agent."""
    config, task = load_agent(config_dir, 'small', 'tiny'), load_task(config_dir, 'reach')
    path = tmp_path_factory.mktemp('a policy') / 'policy.onnx'
    export_policy(config, task, Agent(config, task, 'cpu', 1).policy_parameters(), Origin('reach', 321, 9, 77), path)
    return path


def test_acts_with_a_policy_file_where_torch_cannot_be_imported(config_dir: Path, tmp_path: Path, policy_file: Path) -> None:
    rig = Rig(config_dir, tmp_path, WITHOUT_TORCH, runtime='onnx', policy_file=policy_file, seed=4)
    try:
        rig.connect()
        policy = Policy(rig.config, rig.task, seed=4)
        policy.load(rig.agent.policy_parameters())
        carry = policy.initial(1)
        for step in range(3):
            action = rig.ask(step)
            chosen, latent = wire.unpack_action(action)
            observation = {'state': np.sin(step + np.arange(5, dtype=np.float32))[None]}
            expected, carry, kept = policy.act(carry, observation, np.array([step == 0]))
            assert action.weights_version == 77
            np.testing.assert_allclose(chosen, expected, atol=1e-4)
            np.testing.assert_array_equal(latent['stoch'], kept['stoch'])
        rig.wait(lambda: bool(rig.metrics) and rig.metrics[-1].env_steps == 9 + 3)
        assert rig.metrics[-1].updates == 321
        # A learner beside it changes nothing.
        assert rig.node.count_subscribers(f'{rig.namespace}/policy_weights') == 0
    finally:
        assert rig.close() == 0
    assert 'actor ready: small tiny of 321 updates, policy.onnx, train' in rig.log.read_text()


def test_a_policy_file_for_another_task_is_one_line_and_exit_code_2(config_dir: Path, tmp_path: Path, policy_file: Path) -> None:
    (config_dir / 'tasks' / 'far.yaml').write_text((config_dir / 'tasks' / 'reach.yaml').read_text().replace('- 5', '- 7'))
    rig = Rig(config_dir, tmp_path, WITHOUT_TORCH, runtime='onnx', policy_file=policy_file, task='far')
    assert rig.process.wait(timeout=90) == 2
    rig.close()
    [line] = rig.log.read_text().splitlines()
    assert "is for another task ('reach'): observation.state: [[5], 'float32'] there, [[7], 'float32'] here" in line
