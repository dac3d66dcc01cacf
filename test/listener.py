"""A node outside the systems under test."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rosgraph_msgs.msg import Clock
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

from dreamer_interfaces.msg import Action, JointCommand, Metrics, Observation
from dreamer_node.qos import CLOCK, STANDARD, STEPS
from dreamer_node.wire import nanoseconds


class Listener:
    """What one robot's topics say.

    Attributes:
        observations, actions: number of messages.
        acting: weights version of the newest action.
        updates, env_steps: of the newest learner/metrics.
        learners: learner_start_time -> (updates, env_steps) of the first message of that learner.
        commands: mode and greatest kp of every joint_command.
        first, last: stamps of the observations, ns.
        time: newest time of the robot's clock, ns.
        frames: (parent, child) in the robot's tf.
        variation: quantity -> value, from the bridge's report.
    """

    def __init__(self, namespace: str = '') -> None:
        self._node = node = rclpy.create_node('listener', namespace=namespace)
        self.observations = self.actions = self.acting = self.updates = self.env_steps = 0
        self.first = self.last = self.time = 0
        self.learners: dict[float, tuple[int, int]] = {}
        self.commands: list[tuple[int, float]] = []
        self.frames: set[tuple[str, str]] = set()
        self.variation: dict[str, float] = {}
        # Beside a namespace the clock and the frames are the robot's own, as robot.launch.py promises.
        clock, tf = ('clock', 'tf') if namespace else ('/clock', '/tf')
        node.create_subscription(Observation, 'observation', self._on_observation, STEPS)
        node.create_subscription(Action, 'action', self._on_action, STEPS)
        node.create_subscription(Metrics, 'learner/metrics', self._on_metrics, STANDARD)
        # A driver takes the newest; here each one counts.
        node.create_subscription(JointCommand, 'joint_command', self._on_command, 1000)
        node.create_subscription(Clock, clock, self._on_clock, CLOCK)
        node.create_subscription(TFMessage, tf, self._on_frames, 100)
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, STANDARD)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)

    def until(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Spin until the condition holds; a failure when it does not in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f'not within {seconds} s: {what}'
            self._executor.spin_once(timeout_sec=0.05)

    def save_checkpoint(self) -> Path:
        """Ask the learner for a checkpoint, again where the answer is that it takes longer."""
        client = self._node.create_client(Trigger, 'save_checkpoint')
        self.until(client.service_is_ready, 120, 'save_checkpoint is offered')
        deadline = time.monotonic() + 120
        while True:
            future = client.call_async(Trigger.Request())
            self.until(future.done, 120, 'save_checkpoint answers')
            answer = future.result()
            if 'call again' not in answer.message or time.monotonic() > deadline:
                break
        assert answer.success, answer.message
        return Path(answer.message)

    def publishers(self, topic: str) -> int:
        """How many nodes publish a topic."""
        return self._node.count_publishers(topic)

    def close(self) -> None:
        self._executor.shutdown()
        self._node.destroy_node()

    def _on_observation(self, message: Observation) -> None:
        self.observations += 1
        self.last = nanoseconds(message.header)
        self.first = self.first or self.last

    def _on_action(self, message: Action) -> None:
        self.actions += 1
        self.acting = message.weights_version

    def _on_metrics(self, message: Metrics) -> None:
        self.updates, self.env_steps = message.updates, message.env_steps
        started = dict(zip(message.name, message.value))['learner_start_time']
        self.learners.setdefault(started, (message.updates, message.env_steps))

    def _on_command(self, message: JointCommand) -> None:
        self.commands.append((message.mode, max(message.kp)))

    def _on_clock(self, message: Clock) -> None:
        self.time = message.clock.sec * 10**9 + message.clock.nanosec

    def _on_frames(self, message: TFMessage) -> None:
        self.frames |= {(item.header.frame_id, item.child_frame_id) for item in message.transforms}

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.endswith('mujoco_bridge: simulation'):
                values = [(item.key.partition('variation: ')[2], item.value) for item in status.values]
                self.variation = {name: float(value) for name, value in values if name}
