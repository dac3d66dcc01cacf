"""The node evaluator: hands the weights of a checkpoint to the actor and counts what they earn. It trains nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

import yaml
from rclpy.clock import Clock, ClockType

from dreamer_interfaces.msg import Action, Observation, PolicyWeights
from dreamer_learner import saving
from dreamer_learner.evaluation import Evaluation, summarise
from dreamer_learner.pairing import Acted, Pairing
from dreamer_learner.provenance import check_policy_file
from dreamer_learning import weights
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.atomic import write_file
from dreamer_learning.config import ConfigError
from dreamer_learning.onnx_policy import OnnxPolicy
from dreamer_learning.spaces import Task
from dreamer_node import wire
from dreamer_node.agent import assigned_agent
from dreamer_node.diagnostics import OK, Diagnostics, Report
from dreamer_node.node import Node
from dreamer_node.qos import LATCHED, STEPS_QUEUED
from dreamer_node.robot import assignment
from dreamer_node.runtime import Stop, declare, lower_priority
from dreamer_node.storage import run_storing_node

KEPT_VERSIONS = 1000
"""Steps whose version of the weights is remembered until their observation has come."""


class EvaluatorNode(Node):
    """Publishes the newest checkpoint's policy once, unless the actor has one from a file; ends with exit code 0 when enough
    episodes are counted."""

    stop: Stop

    def __init__(self, **arguments: Any) -> None:
        super().__init__('evaluator', **arguments)
        folder, robot, _, task = assignment(self)
        config = assigned_agent(self, folder)
        self._names = {**config.names(), 'task': task.name}
        run_dir = str(declare(self, 'run_dir', '', 'run whose newest checkpoint is evaluated'))
        self._wanted = cast(int, declare(self, 'episodes', 10, 'whole episodes to count'))
        self._result = str(declare(self, 'result', '', 'YAML file for the numbers; empty = none'))
        policy_file = str(declare(self, 'policy_file', '', 'ONNX file that the actor runs instead; empty = none'))
        if not run_dir:
            raise ConfigError('run_dir: missing; give the folder of the run')
        if self._wanted < 1:
            raise ConfigError(f'episodes: {self._wanted} is not allowed; at least 1')
        if policy_file:
            file = OnnxPolicy(Path(policy_file)).file
            warning = check_policy_file(Path(policy_file), file, Path(run_dir), self._names, config.hash(task))
            if warning:
                self.get_logger().warning(warning)
            self._version, self._updates = file.weights_version, file.updates
            self._policy = {'policy_file': policy_file, **file.names(), 'config_hash': file.config_hash}
        else:
            self._version = time.time_ns() // 1_000_000
            self._publish_weights(config, task, run_dir)
        self._evaluation, self._pairing = Evaluation(), Pairing()
        self._versions: dict[tuple[int, int], int] = {}
        self.create_subscription(Observation, 'observation', self._on_observation, STEPS_QUEUED)
        self.create_subscription(Action, 'action', self._on_action, STEPS_QUEUED)
        # As the learner does: what is missing in front for half a second does not come any more.
        self._pairs = self._pairs_before = 0
        self.create_timer(0.5, self._look_around, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._diagnostics = Diagnostics(self, robot)
        self._diagnostics.add('evaluation', self._report)
        self.get_logger().info(f'evaluating {self._updates:,} updates over {self._wanted} episodes')

    def _publish_weights(self, config: AgentConfig, task: Task, run_dir: str) -> None:
        """Hand the newest checkpoint's policy to the actor."""
        loaded = saving.load(Path(run_dir) / 'checkpoints', self.get_logger().info, self.get_logger().warning)
        if loaded is None:
            raise ConfigError(f'run_dir: {run_dir} has no checkpoint yet')
        agent = Agent(config, task)
        with saving.fitting(loaded.path):
            agent.load_state_dict(loaded.payload['agent'])
        self._updates, config_hash = agent.updates, config.hash(task)
        self._policy = {'checkpoint': str(loaded.path), **self._names, 'config_hash': config_hash}
        self._publisher = self.create_publisher(PolicyWeights, 'policy_weights', LATCHED)
        self._publisher.publish(PolicyWeights(
            version=self._version, agent=config.agent, config_hash=config_hash, updates=agent.updates,
            data=weights.dump(agent.policy_parameters()),
        ))

    def close(self) -> None:
        """Print and keep the numbers of what was counted."""
        evaluation = getattr(self, '_evaluation', None)
        if evaluation is None:
            return
        if not evaluation.episodes:
            print('no whole episode was counted', flush=True)
            return
        numbers = {**self._policy, 'updates': self._updates, **summarise(evaluation.episodes), 'left_out': evaluation.left_out}
        print(f'{numbers["episodes"]} episodes with the policy of {self._updates:,} updates: return {numbers["mean"]:.2f} '
              f'+- {numbers["std"]:.2f} (lowest {numbers["lowest"]:.2f}, highest {numbers["highest"]:.2f}), '
              f'reward {numbers["reward_per_step"]:.3f} a step', flush=True)
        if self._result:
            rows = [{'return': episode.reward, 'steps': episode.steps} for episode in evaluation.episodes]
            path = Path(self._result)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, yaml.safe_dump({**numbers, 'all': rows}, sort_keys=False))

    def _on_observation(self, message: Observation) -> None:
        try:
            step = wire.unpack_observation(message)
        except wire.WireError as error:
            self.get_logger().error(f'observation left out: {error}', throttle_duration_sec=10.0)
            return
        self._take(self._pairing.observe(step))

    def _on_action(self, message: Action) -> None:
        try:
            action, _ = wire.unpack_action(message)
        except wire.WireError as error:
            self.get_logger().error(f'action left out: {error}', throttle_duration_sec=10.0)
            return
        self._versions.setdefault((message.stream, message.step), message.weights_version)
        if len(self._versions) > KEPT_VERSIONS:
            del self._versions[next(iter(self._versions))]
        self._take(self._pairing.act(Acted(message.stream, message.step, action, {})))

    def _take(self, steps: list[wire.CompleteStep]) -> None:
        self._pairs += len(steps)
        for step in steps:
            self._evaluation.add(step, self._versions.pop((step.stream, step.step), 0) == self._version)
            if len(self._evaluation.episodes) >= self._wanted:
                self.stop.request(0)
                return

    def _look_around(self) -> None:
        if self._pairs == self._pairs_before and self._pairing.stuck():
            self._take(self._pairing.flush())
        self._pairs_before = self._pairs

    def _report(self) -> Report:
        done = len(self._evaluation.episodes)
        values = {'episodes': done, 'left_out': self._evaluation.left_out, 'gaps': self._pairing.gaps}
        return OK, f'{done} of {self._wanted} episodes', values


def main() -> int:
    """Entry point of the executable `evaluator`."""
    lower_priority()
    return run_storing_node(EvaluatorNode)
