"""The ROS side of the actor: observation in, action out. Does not import torch: policies.py chooses what computes."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from rclpy.clock import Clock, ClockType

from dreamer_actor.controller import Answer, Controller
from dreamer_actor.policies import Wanted, make_source
from dreamer_actor.settings import check_count, check_mode, check_runtime
from dreamer_actor.timing import StepTiming
from dreamer_interfaces.msg import Action, Metrics, Observation
from dreamer_learning.acting import RecurrentPolicy
from dreamer_learning.spaces import Task
from dreamer_node import realtime, wire
from dreamer_node.diagnostics import OK, WARN, Diagnostics, Recent, Report
from dreamer_node.node import Node
from dreamer_node.qos import STANDARD, STEPS, STEPS_KEPT
from dreamer_node.refusals import Refusals, Refused
from dreamer_node.robot import assignment
from dreamer_node.runtime import declare, run_node

COLLECT_PERIOD = 2.0
"""Seconds between garbage collections."""


class ActorNode(Node):
    """Answers each observation with an action, at once."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__('actor', **arguments)
        folder, robot, _, task = assignment(self)
        runtime = check_runtime(str(declare(
            self, 'runtime', 'torch', 'torch: weights from a learner; onnx: a finished policy from policy_file, without torch')))
        policy_file = str(declare(self, 'policy_file', '', 'ONNX file that ros2 run dreamer_learner export wrote'))
        device = str(declare(self, 'device', 'cpu', 'torch device of the policy'))
        seed = self._count('seed', 0, 'seed of exploration and of sampled actions')
        prefill = self._count('prefill', 0, 'environment steps of random actions; 0 = until weights arrive')
        mode = check_mode(str(declare(self, 'mode', 'train', 'train: sampled actions; eval: the most likely ones')))
        self._publish_latent = bool(declare(self, 'publish_latent', True, 'send the recurrent state with the action'))

        # Two threads take turns at the interpreter: a short slice bounds what reading weights can add to a step.
        sys.setswitchinterval(0.0005)
        self._refusals = Refusals(self.get_logger().warning)
        self._refusing = Recent()
        self._controller: Controller[RecurrentPolicy] = Controller(task, seed, prefill, mode)
        wanted = Wanted(runtime, policy_file, device, seed, task, self._refusals.count)
        self._source = make_source(self, folder, wanted)
        self._timing = StepTiming(1.0 / task.control_rate)
        self._simulated = bool(self.get_parameter('use_sim_time').value)
        self._weights_time = 0.0
        self._updates = 0
        self._action = Action()

        self._actions = self.create_publisher(Action, 'action', STEPS_KEPT)
        self._metrics = self.create_publisher(Metrics, 'actor/metrics', STANDARD)
        self.create_subscription(Observation, 'observation', self._on_observation, STEPS)
        self._timer = self.create_timer(1.0, self._every_second, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._diagnostics = Diagnostics(self, robot)
        self._diagnostics.add('actor', self._report)
        _warm_up(self._source.policies, task)
        self._collected = time.perf_counter()
        # Automatic collections start in the middle of a step, so they are off; a short one runs after an action is on its way
        # (_collect): it does not walk through what realtime.prepare has frozen.
        gc.disable()
        self.get_logger().info(f'actor ready: {self._source.description}, {mode}')

    def close(self) -> None:
        """End what runs beside the control loop."""
        self._source.close()

    def _count(self, name: str, default: int, description: str) -> int:
        return check_count(name, cast(int, declare(self, name, default, description)))

    def _on_observation(self, message: Observation) -> None:
        start = time.perf_counter()
        try:
            step = wire.unpack_observation(message)
            self._swap()
            answer = self._controller.answer(step.stream, step.step, step.tensors, step.is_first)
        except wire.WireError as error:
            self._refusals.count(Refused('observation_contradictory', str(error)))
            return
        except Refused as refused:
            self._refusals.count(refused)
            return
        self._publish(message, answer)
        end = time.perf_counter()
        if not answer.repeated:
            age = None if self._simulated else time.time() - step.stamp
            self._timing.record(end - start, age)
        self._collect(end)

    def _publish(self, observation: Observation, answer: Answer) -> None:
        action = self._action
        action.header = observation.header
        action.stream = answer.stream
        action.step = answer.step
        action.action = wire.pack('action', answer.action)
        action.weights_version = answer.version
        action.latent = wire.pack_tensors(answer.latent) if self._publish_latent else []
        self._actions.publish(action)

    def _swap(self) -> None:
        """Take new weights, if there are any: between two steps."""
        loaded = self._source.take()
        if loaded is None:
            return
        old = self._controller.install(loaded.policy, loaded.version, loaded.env_steps)
        if old is not None:
            self._source.give_back(old)
        self._weights_time = time.monotonic()
        self._updates = loaded.updates

    def _collect(self, now: float) -> None:
        """Collect garbage in the pause that follows an action; what was frozen at the start is not walked."""
        if now - self._collected > COLLECT_PERIOD:
            self._collected = now
            gc.collect()

    def _numbers(self) -> dict[str, float]:
        numbers = self._timing.describe()
        numbers |= {
            'weights_version': float(self._controller.version),
            'weights_updates': float(self._updates),
            'gaps': float(self._controller.gaps),
            'retries': float(self._controller.retries),
            'refused': float(self._refusals.total),
        }
        if self._controller.version:
            numbers['weights_age_s'] = time.monotonic() - self._weights_time
        return numbers

    def _every_second(self) -> None:
        self._source.every_second()
        numbers = self._numbers()
        message = Metrics(updates=self._updates, env_steps=self._controller.env_steps)
        message.header.stamp = self.get_clock().now().to_msg()
        message.name = list(numbers)
        message.value = list(numbers.values())
        self._metrics.publish(message)

    def _report(self) -> Report:
        numbers: dict[str, object] = {
            **self._numbers(), 'realtime_priority': realtime.priority(), **self._refusals.values()}
        if self._refusing.rose(self._refusals.total):
            return WARN, f'{self._refusals.total} messages refused', numbers
        if not self._controller.version:
            return OK, 'random actions: no weights yet', numbers
        return OK, f'weights of {self._updates:,} updates', numbers


def _warm_up(policies: Sequence[RecurrentPolicy], task: Task) -> None:
    """One step of each policy, so that the first real one pays for no lazy initialisation."""
    observation = {
        name: np.zeros((task.environments, *spec.shape), spec.dtype) for name, spec in task.observation.items()
    }
    for policy in policies:
        state = policy.generator.bit_generator.state
        policy.act(policy.initial(task.environments), observation, np.ones(task.environments, bool), 'train')
        policy.generator.bit_generator.state = state


def main() -> int:
    """Run the node; returns the exit code."""
    return run_node(ActorNode, setup=realtime.prepare)
