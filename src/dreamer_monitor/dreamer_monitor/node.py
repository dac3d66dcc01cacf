"""The console's ROS side."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from sensor_msgs.msg import Image

from dreamer_interfaces.msg import Metrics, Observation
from dreamer_learning.config import ConfigError
from dreamer_monitor.continuation import launch_key
from dreamer_monitor.display import Display
from dreamer_monitor.monitor import Monitor
from dreamer_monitor.progress import PERIOD
from dreamer_monitor.status import format_line, in_namespace
from dreamer_node.node import Node
from dreamer_node.qos import STANDARD, STEPS
from dreamer_node.runtime import Stop, declare, lower_priority
from dreamer_node.storage import run_storing_node
from dreamer_node.wire import WireError, unpack_observation

SHOW_PERIOD = 0.5
"""Seconds between two updates of the line."""

KEEP_PERIOD = 1.0
"""Seconds between two writings of the counts that a killed console goes on from."""


class ConsoleNode(Node):
    """Parameters run_dir, steps, duration, tensorboard. Ends with exit code 0 when a limit is reached."""

    stop: Stop

    def __init__(self) -> None:
        super().__init__('console')
        lower_priority()
        self._monitor = self._make_monitor()
        self._display = Display()
        self._refused = False
        self.create_subscription(Observation, 'observation', self._on_observation, STEPS)
        self.create_subscription(Metrics, 'learner/metrics', self._on_learner, STANDARD)
        self.create_subscription(Metrics, 'actor/metrics', self._on_actor, STANDARD)
        self.create_subscription(Image, 'imagination/image', self._on_image, STANDARD)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, STANDARD)
        wall = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(SHOW_PERIOD, self._show, clock=wall)
        self.create_timer(KEEP_PERIOD, self._monitor.keep_counts, clock=wall)
        self.create_timer(PERIOD, lambda: self._monitor.note(time.monotonic()), clock=wall)

    def close(self) -> None:
        """Give the terminal back, write the summary and the learning curve."""
        self._display.close()
        reason = self._monitor.finished or 'stopped'
        print(self._monitor.finish(reason, time.monotonic(), over=self.stop.code is not None), end='', flush=True)

    def _make_monitor(self) -> Monitor:
        run_dir = str(declare(self, 'run_dir', '', 'run directory'))
        steps = int(str(declare(self, 'steps', 0, 'end after so many control steps of this launch; 0 = never')))
        duration = float(str(declare(self, 'duration', 0.0, 'end after so many seconds of robot time; 0 = never')))
        tensorboard = bool(declare(self, 'tensorboard', True, 'write TensorBoard files'))
        if not run_dir:
            raise ConfigError('run_dir: missing; give the folder of the run')
        if steps < 0:
            raise ConfigError(f'steps: {steps} is not allowed; 0 (no limit) or more')
        if not duration >= 0.0:
            raise ConfigError(f'duration: {duration} is not allowed; 0.0 (no limit) or more')
        return Monitor(Path(run_dir).expanduser(), tensorboard, steps, duration, self._warn, launch_key())

    def _warn(self, text: str) -> None:
        self.get_logger().warning(text)

    def _on_observation(self, message: Observation) -> None:
        try:
            self._monitor.add_step(unpack_observation(message))
        except WireError as error:
            if not self._refused:
                self._refused = True
                self._warn(f'observation not counted: {error}')
            return
        if self._monitor.finished:
            self.stop.request(0)

    def _on_learner(self, message: Metrics) -> None:
        self._monitor.add_learner(dict(zip(message.name, message.value)), message.updates)

    def _on_actor(self, message: Metrics) -> None:
        self._monitor.add_actor(dict(zip(message.name, message.value)), time.monotonic())

    def _on_image(self, message: Image) -> None:
        size = message.height * message.width * 3
        if message.encoding == 'rgb8' and message.step == message.width * 3 and len(message.data) == size > 0:
            image = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
            self._monitor.add_image(image)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        now = time.monotonic()
        for status in message.status:
            if not in_namespace(status.name, self.get_namespace()):
                continue
            self._monitor.alerts.add(status.name, status.level[0], status.message, now)

    def _show(self) -> None:
        now = time.monotonic()
        if self._monitor.finished:
            # Also where no observation comes any more: a console that was killed may find its limit reached.
            self.stop.request(0)
        status = self._monitor.status(now)
        self._display.show(lambda width: format_line(status, width), now)


def main() -> int:
    """Run the node; returns the exit code."""
    return run_storing_node(ConsoleNode)
