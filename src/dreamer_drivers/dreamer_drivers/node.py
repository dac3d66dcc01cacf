"""The driver: actions in, commands to the robot out, through the safety gate."""

from __future__ import annotations

import sys
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from dreamer_drivers.backend import Answer, Backend, Listener
from dreamer_drivers.command import Measurement, Mode
from dreamer_drivers.config import DriverConfig
from dreamer_drivers.gate import Cause, Event, Verdict
from dreamer_drivers.robot import load_gate
from dreamer_drivers.simulation import SimulationBackend
from dreamer_drivers.steps import Order, StepOrder
from dreamer_interfaces.msg import Action
from dreamer_learning.config import ConfigError, nearest
from dreamer_learning.spaces import load_task
from dreamer_node import qos
from dreamer_node.diagnostics import ERROR, OK, WARN, Diagnostics, Report
from dreamer_node.runtime import config_dir, declare, run_node
from dreamer_node.wire import WireError, nanoseconds, unpack

WATCHDOG_RATE = 50.0
"""Hz of wall time at which hold and damp are looked for when there is no command_rate."""


class DriverNode(Node):
    """Answers each action with one command at once, and holds or damps the robot when actions stay away."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__('driver', **arguments)
        folder = config_dir(self)
        robot = str(declare(self, 'robot', 'a1', 'name of config/robots/<robot>.yaml'))
        task = str(declare(self, 'task', 'a1_walk', 'name of config/tasks/<task>.yaml'))
        backend = str(declare(self, 'backend', 'simulation', 'what is driven: simulation'))
        rate = declare(self, 'command_rate', 0.0, 'Hz of interpolated set-points; 0 = one command an action')
        self._command_rate = float(rate)
        self._simulated_time = bool(self.get_parameter('use_sim_time').value)
        config, self.gate = load_gate(folder, robot, load_task(folder, task), self._command_rate)
        self._steps = StepOrder()
        self._answer = Answer()
        self._measured_stamp = 0.0
        self._sensor_fault = ''
        self._sensor_faults = 0
        self._actions = 0
        self.backend = self._make_backend(backend, config)
        self.backend.connect(Listener(self._on_measurement, self.gate.tilt, self._on_sensor_fault))
        self._create_interfaces(robot)

    def _make_backend(self, name: str, config: DriverConfig) -> Backend:
        if name != 'simulation':
            raise ConfigError(f"parameter backend: unknown '{name}'; {nearest(name, ['simulation'])}")
        return SimulationBackend(self, config.joints, watch_tilt=config.fall_angle > 0)

    def _create_interfaces(self, robot: str) -> None:
        self.create_subscription(Action, 'action', self._on_action, qos.COMMAND)
        # A stop is heard from a latched publisher that came earlier, and from one with any other QoS.
        silent = SubscriptionEventCallbacks(use_default_callbacks=False)
        self.create_subscription(Bool, 'emergency_stop', self._on_emergency_stop, qos.LATCHED, event_callbacks=silent)
        self.create_subscription(Bool, 'emergency_stop', self._on_emergency_stop, qos.SENSOR)
        self.create_service(Trigger, 'clear_emergency_stop', self._on_clear_emergency_stop)
        self.create_service(Trigger, 'reset', self._on_reset)
        self._diagnostics = Diagnostics(self, robot)
        self._diagnostics.add('safety gate', self._report)
        # Wall time: the watch itself must not stop when simulated time does.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1 / (self._command_rate or WATCHDOG_RATE), self._watch, clock=clock)

    def close(self) -> None:
        """Let go of the robot; its hardware holds, then damps."""
        self.backend.disconnect()

    def _time(self) -> float:
        """Now, in s. A sensor's stamp may arrive before the /clock message of the same time."""
        now = self.get_clock().now().nanoseconds * 1e-9
        return max(now, self._measured_stamp) if self._simulated_time else now

    # ---- inputs

    def _on_measurement(self, measurement: Measurement) -> None:
        verdict = self.gate.measure(measurement)
        if verdict.accepted:
            self._measured_stamp = measurement.stamp
        else:
            self._warn(f'joint_states refused: {verdict.cause}')

    def _on_sensor_fault(self, description: str) -> None:
        self._sensor_fault = description
        self._sensor_faults += 1
        self._warn(description)

    def _on_action(self, message: Action) -> None:
        now = self._time()
        self._actions += 1
        order = self._steps.judge(message.stream, message.step)
        if order is not Order.RETRY:
            verdict = self._judge(message, order, now)
            if verdict.cause is not None:
                self._warn(f'action of step {message.step} refused: {verdict.cause}')
            if verdict.cause is Cause.NO_SENSOR_DATA:
                # No pose to hold. A waiting simulation sends its sensors again and gets its answer then.
                return
            if order is Order.NEW:
                self._steps.answered(message.stream, message.step)
        # A refused action is answered too, without motion: a simulation in lockstep must go on.
        self._answer = Answer(nanoseconds(message.header), message.stream, message.step)
        self._send(now)

    def _judge(self, message: Action, order: Order, now: float) -> Verdict:
        if order is Order.OLD:
            return self.gate.refuse(Cause.OLD_STEP, now)
        try:
            action = unpack(message.action)
        except WireError as error:
            self._warn(str(error))
            return self.gate.refuse(Cause.MALFORMED, now)
        # The leading dimension is the environment: a robot is one.
        if action.shape[:1] != (1,):
            return self.gate.refuse(Cause.WRONG_SHAPE, now)
        return self.gate.submit(action[0], nanoseconds(message.header) * 1e-9, now)

    def _on_emergency_stop(self, message: Bool) -> None:
        begins = message.data and not self.gate.stopped
        self.gate.emergency_stop(message.data)
        if begins:
            self.get_logger().error('emergency stop: the robot is damped; call clear_emergency_stop to end it')
        if message.data:
            self._send(self._time())

    def _on_clear_emergency_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        stopped = self.gate.stopped
        response.success = self.gate.clear_emergency_stop()
        if not response.success:
            response.message = 'refused: the topic emergency_stop still says true; publish false first'
        else:
            response.message = 'emergency stop cleared' if stopped else 'there was no emergency stop'
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.gate.reset()
        self._send(self._time())
        response.success = True
        response.message = 'damped; the next action begins a soft start from the measured pose'
        return response

    # ---- outputs

    def _watch(self) -> None:
        now = self._time()
        if self._command_rate:
            self._send(now)
            return
        self.gate.command(now)
        begun = self._answer != Answer() or self.gate.stopped
        if begun and self.gate.mode is not Mode.ACTIVE:
            self._send(now)

    def _send(self, now: float) -> None:
        """Send what the gate commands now, as the answer to the last action: never to sensor data not yet answered."""
        self.backend.send(self.gate.command(now), self._answer)

    def _warn(self, text: str) -> None:
        self.get_logger().warning(text, throttle_duration_sec=1.0)

    def _report(self) -> Report:
        gate = self.gate
        warning = self.backend.warning()
        if gate.stopped:
            level, summary = ERROR, 'emergency stop'
        elif warning:
            level, summary = WARN, warning
        elif self._actions and gate.mode is not Mode.ACTIVE:
            level, summary = WARN, gate.mode.name.lower()
        else:
            level, summary = OK, gate.mode.name.lower() if self._actions else 'waiting for the first action'
        values: dict[str, object] = {
            'mode': gate.mode.name.lower(),
            'emergency_stop': gate.stopped,
            'actions': self._actions,
            'action_age': gate.action_age(self._time()),
            'unusable_joint_states': self._sensor_faults,
            'last_sensor_fault': self._sensor_fault,
        }
        values |= {f'refused.{cause}': gate.refused[cause] for cause in Cause}
        values |= {f'event.{event}': gate.events[event] for event in Event}
        return level, summary, values


def main() -> None:
    sys.exit(run_node(DriverNode))
