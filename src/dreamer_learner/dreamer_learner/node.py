"""The ROS side of the learner: observations and actions in; weights, metrics, pictures and step limits out."""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path
from typing import Any, cast

import numpy as np
from rclpy.clock import Clock, ClockType
from sensor_msgs.msg import Image
from std_msgs.msg import UInt64
from std_srvs.srv import Trigger

from dreamer_interfaces.msg import Action, Metrics, Observation, PolicyWeights
from dreamer_learner import saving, session
from dreamer_learner.identity import every_value, run_identity
from dreamer_learner.latents import without_foreign_latents
from dreamer_learner.pairing import Acted, Pairing
from dreamer_learner.rivals import START_TIME, must_yield
from dreamer_learner.rundir import RunDirectory
from dreamer_learner.settings import Settings
from dreamer_learner.trainer import Trainer
from dreamer_learner.updater import TrainingFailed, choose_threads
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.devices import Precision
from dreamer_learning.spaces import Task
from dreamer_node import wire
from dreamer_node.agent import assigned_agent
from dreamer_node.diagnostics import ERROR, OK, WARN, Diagnostics, Recent, Report
from dreamer_node.node import Node
from dreamer_node.qos import LATCHED, STANDARD, STEPS_QUEUED
from dreamer_node.robot import assignment
from dreamer_node.runtime import Stop, declare, lower_priority
from dreamer_node.storage import run_storing_node
from dreamer_recorder.reader import read_steps

METRICS_PERIOD = 2.0
"""Seconds."""

SAVE_TIMEOUT = 2.0
"""Seconds that the service waits for the update in progress and the disk: steps queue up meanwhile."""


class LearnerNode(Node):
    """Pairs steps for the training thread, and publishes what that hands out."""

    stop: Stop

    def __init__(self, **arguments: Any) -> None:
        super().__init__('learner', **arguments)
        folder, robot, task_name, task = assignment(self)
        config = assigned_agent(self, folder)
        self._settings = _settings(self)
        self._config_hash, self._agent_name = config.hash(task), config.agent
        names = {**config.names(), 'task': task_name, 'robot': robot}
        self._run = RunDirectory(
            Path(self._settings.run_dir),
            run_identity(names, config, task),
            every_value(folder, names, config, task, self._settings),
        )
        try:
            self._start(config, task, robot)
        except BaseException:
            self._run.close()
            raise

    def _start(self, config: AgentConfig, task: Task, robot: str) -> None:
        for change in self._run.changed:
            self.get_logger().warning(f'configuration of the run changed: {change}')
        self._pairing = Pairing()
        self._pairs_before = 0
        self._pairs = 0
        self._version = 0
        self._start_time = time.time()
        self._troubled = Recent()
        self._trainer = self._make_trainer(config, task)
        self._image = self.create_publisher(Image, 'imagination/image', STANDARD)
        self._weights = self.create_publisher(PolicyWeights, 'policy_weights', LATCHED)
        self._metrics = self.create_publisher(Metrics, 'learner/metrics', STANDARD)
        self._limits = self.create_publisher(UInt64, 'step_limit', LATCHED)
        self.create_subscription(Metrics, 'learner/metrics', self._on_metrics, STANDARD)
        self.create_subscription(Observation, 'observation', self._on_observation, STEPS_QUEUED)
        self.create_subscription(Action, 'action', self._on_action, STEPS_QUEUED)
        self.create_service(Trigger, 'save_checkpoint', self._on_save)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(METRICS_PERIOD, self._publish_metrics, clock=steady)
        self.create_timer(0.5, self._look_around, clock=steady)
        self._diagnostics = Diagnostics(self, robot)
        self._diagnostics.add('learner', self._report)
        self._trainer.start()
        self.get_logger().info(
            f'learner ready: {self._agent_name} {config.size}, {self._updater.agent.parameter_count():,} parameters, '
            f'config hash {self._config_hash}, {self._experience.replay.describe()}'
        )

    def _make_trainer(self, config: AgentConfig, task: Task) -> Trainer:
        settings = self._settings
        parts = session.begin(config, task, settings, self._run, self.info, self.get_logger().warning)
        self._run.claim()
        self._experience, self._updater, self._version = parts.experience, parts.updater, parts.version
        cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
        return Trainer(
            parts, saving.Saver(self._run.checkpoints), self,
            recorded=lambda: without_foreign_latents(read_steps(self._run.bags), parts.version),
            periods=(settings.publish_period, settings.checkpoint_period, settings.video_period),
            threads=choose_threads(settings.threads, cores, parts.updater.agent.device),
            exact=settings.limit_environment,
        )

    def close(self) -> None:
        """Finish the update in progress, save, and let go of the run directory."""
        trainer = getattr(self, '_trainer', None)
        if trainer is not None:
            trainer.stop()
            self._complain(trainer.failure)
        run = getattr(self, '_run', None)
        if run is not None:
            run.close()

    # Called by the training thread; publishing is safe from any thread.

    def publish_weights(self, data: bytes, updates: int, env_steps: int) -> None:
        """Publish the parameters of the policy as safetensors."""
        # The clock makes versions rise over restarts, whatever became of the run directory.
        self._version = max(self._version + 1, time.time_ns() // 1_000_000)
        message = PolicyWeights(
            version=self._version, agent=self._agent_name, config_hash=self._config_hash,
            updates=updates, env_steps=env_steps,
        )
        message.header.stamp = self.get_clock().now().to_msg()
        message.data = data
        self._weights.publish(message)

    def extra_state(self) -> dict[str, Any]:
        """What the node adds to a checkpoint."""
        return {'weights_version': self._version}

    def publish_image(self, image: np.ndarray) -> None:
        """RGB (height, width, 3) uint8."""
        message = Image(height=image.shape[0], width=image.shape[1], encoding='rgb8', step=3 * image.shape[1])
        message.header.stamp = self.get_clock().now().to_msg()
        message.data = np.ascontiguousarray(image).tobytes()
        self._image.publish(message)

    def image_wanted(self) -> bool:
        return self._image.get_subscription_count() > 0

    def publish_limit(self, observations: int) -> None:
        self._limits.publish(UInt64(data=observations))

    def info(self, text: str) -> None:
        self.get_logger().info(text)

    def error(self, text: str) -> None:
        self.get_logger().error(text)

    # Callbacks.

    def _on_observation(self, message: Observation) -> None:
        try:
            step = wire.unpack_observation(message)
        except wire.WireError as error:
            self._experience.refused += 1
            self.get_logger().error(f'observation left out: {error}', throttle_duration_sec=10.0)
            return
        self._hand_over(self._pairing.observe(step))

    def _on_action(self, message: Action) -> None:
        try:
            action, latent = wire.unpack_action(message)
        except wire.WireError as error:
            self._experience.refused += 1
            self.get_logger().error(f'action left out: {error}', throttle_duration_sec=10.0)
            return
        self._hand_over(self._pairing.act(Acted(message.stream, message.step, action, latent)))

    def _hand_over(self, pairs: list[wire.CompleteStep]) -> None:
        for pair in pairs:
            self._trainer.put(pair)
        self._pairs += len(pairs)

    def _on_metrics(self, message: Metrics) -> None:
        if must_yield(self._start_time, message.name, message.value):
            name = self.resolve_topic_name('policy_weights')
            self.get_logger().error(f'another learner publishes {name}: one namespace has one learner')
            self.stop.request(2)

    def _on_save(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self._trainer.save(SAVE_TIMEOUT)
        return response

    def _look_around(self) -> None:
        if self._trainer.failure is not None:
            self.stop.request(1)
            return
        if self._pairs == self._pairs_before and self._pairing.stuck():
            # Half a second without a complete step: what is missing in front does not come any more.
            self._hand_over(self._pairing.flush())
        self._pairs_before = self._pairs

    def _numbers(self) -> dict[str, float]:
        return {
            'replay_size': float(len(self._experience.replay)),
            'weights_version': float(self._version),
            'gaps': float(self._pairing.gaps),
            'retries': float(self._pairing.retries),
            'stale': float(self._pairing.stale),
            'refused_steps': float(self._experience.refused),
            'bad_updates': float(self._updater.bad),
        }

    def _publish_metrics(self) -> None:
        numbers = {**self._numbers(), START_TIME: self._start_time, **self._updater.meters.collect()}
        message = Metrics(updates=self._updater.agent.updates, env_steps=self._experience.env_steps)
        message.header.stamp = self.get_clock().now().to_msg()
        message.name = list(numbers)
        message.value = list(numbers.values())
        self._metrics.publish(message)

    def _report(self) -> Report:
        numbers = self._numbers()
        updates = self._updater.agent.updates
        if self._trainer.failure is not None:
            return ERROR, str(self._trainer.failure), numbers
        troubled = self._troubled.rose(numbers['bad_updates'] + numbers['refused_steps'])
        return WARN if troubled else OK, f'{updates} updates, {self._experience.env_steps} environment steps', numbers

    def _complain(self, failure: BaseException | None) -> None:
        if isinstance(failure, TrainingFailed):
            self.get_logger().error(str(failure))
        elif isinstance(failure, OSError):
            self.get_logger().error(f'training ended: {failure}')
        elif failure is not None:
            text = ''.join(traceback.format_exception(failure))
            self.get_logger().fatal(f'training ended by an error of the program:\n{text}')


def _settings(node: Node) -> Settings:
    return Settings(
        run_dir=str(declare(node, 'run_dir', '', 'folder of the run: checkpoints, bags, run.yaml')),
        device=str(declare(node, 'device', 'cpu', 'torch device of training')),
        seed=cast(int, declare(node, 'seed', 0, 'seed of parameters, sampling and imagination')),
        train_ratio=cast(float, declare(node, 'train_ratio', 0.0, 'replayed steps an environment step; 0 = no limit')),
        limit_environment=bool(declare(node, 'limit_environment', False, 'make the environment wait for training')),
        publish_period=cast(float, declare(node, 'publish_period', 5.0, 'seconds between weights')),
        checkpoint_period=cast(float, declare(node, 'checkpoint_period', 60.0, 'seconds between checkpoints')),
        video_period=cast(float, declare(node, 'video_period', 60.0, 'seconds between predictions')),
        threads=cast(int, declare(node, 'threads', 0, 'torch threads; 0 = chosen')),
        from_checkpoint=str(declare(node, 'from_checkpoint', '', 'run or checkpoint whose weights a new run begins with')),
        precision=cast(Precision, declare(node, 'precision', 'float32', 'of products in updates: float32 or bfloat16')),
        compile=bool(declare(node, 'compile', False, 'faster updates after a first one that takes about a minute')),
    )


def main() -> int:
    """Run the node; returns the exit code."""
    lower_priority()
    return run_storing_node(LearnerNode)
