"""The driver: actions in, commands to the robot out, through the safety gate."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from rclpy.clock import Clock, ClockType
from std_srvs.srv import Trigger

from dreamer_drivers.backend import Answer, Backend, Listener
from dreamer_drivers.causes import Cause, Event, Verdict
from dreamer_drivers.command import Measurement, Mode
from dreamer_drivers.config import DriverConfig
from dreamer_drivers.contradiction import Contradictions
from dreamer_drivers.robot import load_gate
from dreamer_drivers.simulation import SimulationBackend
from dreamer_drivers.steps import Order, StepOrder
from dreamer_drivers.stop_marker import StopMarker, marker_name, state_folder
from dreamer_drivers.stop_sources import StopSources
from dreamer_interfaces.msg import Action
from dreamer_learning.config import ConfigError, nearest
from dreamer_learning.spaces import load_task
from dreamer_node import qos, realtime
from dreamer_node.diagnostics import ERROR, OK, WARN, Diagnostics, Recent, Report
from dreamer_node.node import Node
from dreamer_node.runtime import Stop, config_dir, declare, run_node
from dreamer_node.wire import WireError, nanoseconds, unpack

WATCHDOG_RATE = 50.0
"""Hz of wall time at which hold and damp are looked for when there is no command_rate."""

DISCOVERY_TIME = 2.0
"""s of wall time after the start in which others are found; on one host it takes up to 1.9 s, mostly under 0.1 s."""

MARKER_PERIOD = 1.0
"""s of wall time after which a latched stop's file is looked for again."""

STANDSTILL = 1.0
"""s of wall time after which set-points end where simulated time stands still: whoever made it is paused or gone."""

FAILURES = (Event.DEADLINE_MISS, Event.CLOCK_JUMP)
"""Events that are worth a warning; the others belong to normal work."""


class DriverNode(Node):
    """Answers each action with one command at once, and holds or damps the robot when actions stay away.

    Attributes:
        stop: ends the process when another driver was there before.
    """

    stop: Stop

    def __init__(self, **arguments: Any) -> None:
        super().__init__('driver', **arguments)
        folder = config_dir(self)
        robot = str(declare(self, 'robot', 'a1', 'name of config/robots/<robot>.yaml'))
        task = str(declare(self, 'task', 'a1_walk', 'name of config/tasks/<task>.yaml'))
        backend = str(declare(self, 'backend', 'simulation', 'what is driven: simulation'))
        rate = declare(self, 'command_rate', 0.0, 'Hz of interpolated set-points; 0 = one command an action')
        state_dir = str(declare(self, 'state_dir', '', 'folder that remembers an emergency stop; empty = ROS_HOME or ~/.ros'))
        self._command_rate = float(rate)
        self._simulated_time = bool(self.get_parameter('use_sim_time').value)
        config, self.gate = load_gate(folder, robot, load_task(folder, task), self._command_rate)
        self._joints = config.joints
        self._steps = StepOrder()
        self._contradictions = Contradictions()
        self._moved_at = (0.0, 0.0)  # time when it last went on: of the gate's clock, of the wall; s
        self._answer = Answer()
        self._measured_stamp = 0.0
        self._sensor_fault = ''
        self._sensor_faults = 0
        self._actions = 0
        self._given_up = False
        self._recent: dict[str, Recent] = {}
        self.backend = self._make_backend(backend, config)
        name = self.get_fully_qualified_name()
        file = marker_name(name, self.context.get_domain_id(), backend, robot)
        self._marker = StopMarker(state_folder(state_dir) / file, name)
        self._restore_emergency_stop()
        # Before anything that can bring an action: a stop that is latched already is heard first.
        self._stop_sources = StopSources(self, self._on_emergency_stop, DISCOVERY_TIME)
        self.backend.connect(Listener(self._on_measurement, self.gate.tilt, self._on_sensor_fault))
        self._create_interfaces(robot)

    @property
    def measured_stamp(self) -> float:
        """s, of the last joint states that were accepted; 0 before the first."""
        return self._measured_stamp

    @property
    def ready(self) -> bool:
        """Actions are carried out: emergency stops and other drivers from before the start are known."""
        return self._stop_sources.known and self.backend.ready

    @property
    def stop_messages(self) -> int:
        """How many messages of the emergency stop were heard; one publisher may be heard more than once."""
        return self._stop_sources.heard

    @property
    def diagnostics(self) -> Diagnostics:
        """What the driver publishes about itself."""
        return self._diagnostics

    def _make_backend(self, name: str, config: DriverConfig) -> Backend:
        if name != 'simulation':
            raise ConfigError(f"parameter backend: unknown '{name}'; {nearest(name, ['simulation'])}")
        bounded = any(group.max_torque for group in config.groups.values())
        return SimulationBackend(
            self, config.joints, watch_tilt=config.fall_angle > 0, needs_velocity=bounded, discovery_time=DISCOVERY_TIME
        )

    def _create_interfaces(self, robot: str) -> None:
        self.create_subscription(Action, 'action', self._on_action, qos.COMMAND)
        self.create_service(Trigger, 'clear_emergency_stop', self._on_clear_emergency_stop)
        self.create_service(Trigger, 'reset', self._on_reset)
        self._diagnostics = Diagnostics(self, robot)
        self._diagnostics.add('safety gate', self._report)
        # Wall time: the watch itself must not stop when simulated time does.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1 / (self._command_rate or WATCHDOG_RATE), self._watch, clock=clock)
        self.create_timer(MARKER_PERIOD, self._keep_marker, clock=clock)

    def close(self) -> None:
        """Damp the robot, if it moved. After a kill its hardware has to hold, then damp."""
        if self._answer != Answer():
            self.gate.reset()
            self._send(self._time())

    def destroy_node(self) -> None:
        """Let go of the robot."""
        self._stop_sources.close()
        self.backend.disconnect()
        super().destroy_node()

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
            self._warn(f'joint_states refused: {verdict.reason}{self._unusable(measurement)}')

    def _unusable(self, measurement: Measurement) -> str:
        """The first number that is none, in words; '' = all are numbers."""
        for name, values in (('position', measurement.position), ('velocity', measurement.velocity)):
            for joint, value in zip(self._joints, values.tolist()):
                if not math.isfinite(value):
                    return f": {name} of '{joint}' is {value}"
        return ''

    def _on_sensor_fault(self, description: str) -> None:
        self._sensor_fault = description
        self._sensor_faults += 1
        self._warn(description)

    def _on_action(self, message: Action) -> None:
        now = self._time()
        self._actions += 1
        if not self.ready:
            # Not answered either: a waiting simulation sends its sensors again and gets its answer then.
            self.gate.refuse(Cause.DRIVERS_UNKNOWN if self._stop_sources.known else Cause.STOP_UNKNOWN, now)
            return
        order = self._steps.judge(message.stream, message.step)
        if order is Order.RETRY:
            self._contradictions.repeat(message.action.data, time.monotonic())
        else:
            verdict = self._judge(message, order, now)
            if verdict.cause is not None:
                self._warn(f'action of step {message.step} refused: {verdict.reason}')
            if verdict.cause is Cause.NO_SENSOR_DATA:
                # No pose to hold. A waiting simulation sends its sensors again and gets its answer then.
                return
            if order is Order.NEW:
                self._steps.answered(message.stream, message.step)
                self._contradictions.new(message.action.data, time.monotonic())
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
            detail = f'{list(action.shape)}; allowed: [1, {len(self._joints)}]'
            return self.gate.refuse(Cause.WRONG_SHAPE, now, detail)
        if self._contradictions.lasting:
            return self.gate.refuse(Cause.CONTRADICTED, now, 'two actors answer each observation; stop one of them')
        return self.gate.submit(action[0], nanoseconds(message.header) * 1e-9, now)

    # ---- emergency stop

    def _restore_emergency_stop(self) -> None:
        if not self._marker.present:
            if self._marker.error:
                self.get_logger().warning(self._marker.error)
            return
        self.gate.latch_emergency_stop()
        reason = self._marker.error or f'emergency stop from before the start: {self._marker.path}'
        self.get_logger().error(f'{reason}: the robot is damped; call clear_emergency_stop to end it')

    def _on_emergency_stop(self, requested: bool) -> None:
        begins = requested and not self.gate.stopped
        self.gate.emergency_stop(requested)
        if not requested:
            return
        # The robot first: the disk takes its time.
        self._send(self._time())
        self._marker.set()
        if begins:
            self.get_logger().error('emergency stop: the robot is damped; call clear_emergency_stop to end it')

    def _keep_marker(self) -> None:
        """Have a latched stop on disk, also when somebody removed the file or the disk was full."""
        if self.gate.stopped:
            self._marker.set()

    def _on_clear_emergency_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        stopped = self.gate.stopped
        response.success, response.message = False, ''
        if not self._stop_sources.known:
            response.message = 'refused: the publishers of emergency_stop are still being asked; call again in a second'
            return response
        if self.gate.stop_requested:
            names = ', '.join(self._stop_sources.names()) or 'none'
            if self._stop_sources.asking:
                silent = self._stop_sources.unanswered
                response.message = 'refused: the publishers of emergency_stop are being asked; call again in a second'
                if silent:
                    response.message += (
                        f'; {silent} did not answer, or one keeps more than its last message (latched publishers now: {names})')
            else:
                response.message = (
                    'refused: the topic emergency_stop still says true; publish false first, '
                    f'from each source that said true (latched publishers now: {names})'
                )
            return response
        # The file first: a driver that dies in between was asked to forget.
        self._marker.clear()
        response.success = self.gate.clear_emergency_stop()
        response.message = 'emergency stop cleared' if stopped else 'there was no emergency stop'
        if self._marker.present:
            response.message += f'; {self._marker.error}'
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.gate.reset()
        self._send(self._time())
        response.success = True
        response.message = 'damped; the next action begins a soft start from the measured pose'
        return response

    # ---- outputs

    def _watch(self) -> None:
        self._stop_sources.tick()
        self._look_for_rivals()
        now = self._time()
        if self._command_rate:
            if not self._stands_still(now):
                self._send(now)
            return
        self.gate.command(now)
        begun = self._answer != Answer() or self.gate.stopped
        if begun and self.gate.mode is not Mode.ACTIVE:
            self._send(now)

    def _stands_still(self, now: float) -> bool:
        """Whether time has not gone on for long."""
        wall = time.monotonic()
        if now != self._moved_at[0]:
            self._moved_at = now, wall
        return wall - self._moved_at[1] > STANDSTILL

    def _send(self, now: float) -> None:
        """Send what the gate commands now, as the answer to the last action: never to sensor data not yet answered."""
        command = self.gate.command(now)
        # Nothing between the commands of another driver, but what stops the robot.
        if not self._given_up and (self.ready or self.gate.stopped):
            self.backend.send(command, self._answer)

    def _look_for_rivals(self) -> None:
        conflict = self.backend.conflict()
        if conflict and not self._given_up:
            self._given_up = True
            self.get_logger().error(conflict)
            self.stop.request(2)

    def _warn(self, text: str) -> None:
        self.get_logger().warning(text, throttle_duration_sec=1.0)

    def _report(self) -> Report:
        gate = self.gate
        values: dict[str, object] = {
            'mode': gate.mode.name.lower(),
            'emergency_stop': gate.stopped,
            'emergency_stop_requested': gate.stop_requested,
            'emergency_stop_file': self._marker.path,
            'actions': self._actions,
            'action_age': gate.action_age(self._time()),
            'last_sensor_fault': self._sensor_fault,
            'realtime_priority': realtime.priority(),
        }
        failures = {'unusable_joint_states': self._sensor_faults}
        failures |= {f'refused.{cause}': gate.refused[cause] for cause in Cause}
        events = {f'event.{event}': gate.events[event] for event in Event}
        failures |= {name: events.pop(name) for name in (f'event.{event}' for event in FAILURES)}
        warnings = self._warnings(failures)
        if gate.stopped:
            level, summary = ERROR, '; '.join(['emergency stop', *warnings])
        elif warnings:
            level, summary = WARN, '; '.join(warnings)
        else:
            level, summary = OK, gate.mode.name.lower() if self._actions else 'waiting for the first action'
        return level, summary, values | failures | events

    def _warnings(self, failures: Mapping[str, int]) -> list[str]:
        """What is wrong now, and which failures happened lately; totals of long ago are no warning."""
        found = []
        if self._actions and not self.gate.stopped and self.gate.mode is not Mode.ACTIVE:
            found.append(self.gate.mode.name.lower())
        found += [text for text in (self.backend.warning(), self._marker.error) if text]
        actors = self.count_publishers('action')
        if actors > 1:
            found.append(f'{actors} publishers on action')
        # Each is asked at each report, so that none misses a rise.
        rising = [name for name, count in failures.items() if self._recent.setdefault(name, Recent()).rose(count)]
        if rising:
            found.append(f'lately: {", ".join(rising)}')
        return found


def main() -> int:
    """Run the node; returns the exit code."""
    return run_node(DriverNode, setup=realtime.prepare)
