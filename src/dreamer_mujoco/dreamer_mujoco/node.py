"""The node mujoco_bridge: a simulated robot behind the topics of a real one, in lockstep or in real time."""

from __future__ import annotations

import time

import mujoco
import numpy as np
from rclpy.clock import Clock, ClockType
from std_msgs.msg import UInt64

from dreamer_interfaces.msg import JointCommand
from dreamer_interfaces.srv import Push, ResetWorld, SetPause, StepSimulation
from dreamer_learning.config import ConfigError
from dreamer_mujoco.lockstep import LockstepGate
from dreamer_mujoco.messages import CommandReader
from dreamer_mujoco.parameters import read_parameters
from dreamer_mujoco.publishers import UNPACED_CLOCK_PERIOD, SensorPublishers
from dreamer_mujoco.simulation import RESET_TIME, Simulation
from dreamer_node import realtime
from dreamer_node.diagnostics import OK, WARN, Diagnostics, Report
from dreamer_node.node import Node
from dreamer_node.qos import COMMAND, LATCHED
from dreamer_node.refusals import Refusals, Refused
from dreamer_node.runtime import run_node
from dreamer_node.wire import nanoseconds

REPEAT_AFTER = 0.5
"""s of wall time after which unanswered sensors are published again."""

MAX_STEPS_PER_CALL = 100_000
"""Physics ticks that one step_simulation may take: more would keep the node from answering."""


class MujocoBridge(Node):
    """Plays the robot's hardware.

    Attributes:
        refusals: commands that were not carried out.

    Raises:
        ConfigError: parameters, configuration or robot description cannot be used.
    """

    def __init__(self) -> None:
        super().__init__('mujoco_bridge')
        self._settings = settings = read_parameters(self)
        # Otherwise MuJoCo writes its warnings to a file in the working directory.
        mujoco.set_mju_user_warning(self.get_logger().warning)
        self._simulation = Simulation(
            settings.urdf, settings.config, settings.seed, command_timeout=not settings.lockstep
        )
        rate = settings.control_rate if settings.lockstep else settings.state_rate
        self._period = 1.0 / rate
        # Stamp 0 means 'no time' to other nodes.
        self._simulation.skip(self._period)
        paced = settings.real_time_factor > 0
        self._topics = SensorPublishers(
            self, self._simulation, settings.camera, settings.needs_images, 0.0 if paced else UNPACED_CLOCK_PERIOD
        )
        self._gate = LockstepGate(self._simulation.stamp, paced, limit=0 if settings.wait_for_learner else None)
        self._gate.due = not paced
        self._reader = CommandReader(settings.config.joints)
        self.refusals = Refusals(lambda text: self.get_logger().error(f'joint_command {text}'))
        self._stale = self._steps = self._late = 0
        self._stepped_by_hand = False
        self._published_at = time.monotonic()
        self._stepped_at = self._published_at
        self._busy = 0.0
        self._reported = (self._published_at, 0)
        self.create_subscription(JointCommand, 'joint_command', self._on_command, COMMAND)
        if settings.lockstep and settings.wait_for_learner:
            self.create_subscription(UInt64, 'step_limit', self._on_step_limit, LATCHED)
        self._create_services()
        self._create_timers(paced)
        self._diagnostics = Diagnostics(self, f'{settings.robot} (simulated)')
        self._diagnostics.add('simulation', self._report)
        self._publish()

    def _create_services(self) -> None:
        self.create_service(ResetWorld, 'reset_world', self._on_reset_world)
        self.create_service(SetPause, 'set_pause', self._on_set_pause)
        self.create_service(StepSimulation, 'step_simulation', self._on_step_simulation)
        self.create_service(Push, 'push', self._on_push)

    def _create_timers(self, paced: bool) -> None:
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        wall_period = self._period / self._settings.real_time_factor if paced else 0.0
        self._wall_period = wall_period
        if not self._settings.lockstep:
            self._pace = self.create_timer(wall_period, self._on_real_time, clock=steady)
            return
        if paced:
            self._pace = self.create_timer(wall_period, self._on_due, clock=steady)
        self.create_timer(REPEAT_AFTER / 2, self._on_waiting, clock=steady)

    def _on_command(self, message: JointCommand) -> None:
        lockstep = self._settings.lockstep
        stamp = nanoseconds(message.header)
        if lockstep and not self._gate.answers(stamp, message.mode == JointCommand.ACTIVE):
            self._stale += 1
            return
        try:
            command = self._reader.read(message)
        except Refused as refused:
            self.refusals.count(refused)
            return
        if lockstep:
            self._gate.offer(command, message.step)
            self._advance()
        else:
            self._simulation.apply(command)

    def _on_step_limit(self, message: UInt64) -> None:
        self._gate.limit = message.data
        self._advance()

    def _on_due(self) -> None:
        self._gate.due = True
        if not self._advance() and self._gate.waits_for == 'joint_command':
            self._late += 1

    def _advance(self) -> bool:
        """In lockstep: simulate one control period and publish, if nothing holds it back."""
        gate = self._gate
        if not gate.ready or gate.command is None:
            return False
        begin = time.perf_counter()
        if gate.paced and time.monotonic() - self._stepped_at > 1.5 * self._wall_period:
            # The answer came late: the next step is due a full period from now, not sooner.
            self._pace.reset()
        self._simulation.apply(gate.command)
        self._simulation.step(self._period)
        self._stepped_at = time.monotonic()
        self._publish()
        self._busy += time.perf_counter() - begin
        return True

    def _on_real_time(self) -> None:
        """Without lockstep: simulate the time that has passed, at most two periods."""
        now = time.monotonic()
        elapsed, self._stepped_at = now - self._stepped_at, now
        if self._gate.paused:
            return
        begin = time.perf_counter()
        if elapsed > 2 * self._wall_period:
            self._late += 1
        self._simulation.step(min(elapsed * self._settings.real_time_factor, 2 * self._period))
        if self._simulation.stamp > self._gate.stamp:
            self._publish()
        self._busy += time.perf_counter() - begin

    def _on_waiting(self) -> None:
        if time.monotonic() - self._published_at >= REPEAT_AFTER:
            self._published_at = time.monotonic()
            self._topics.repeat()

    def _publish(self) -> None:
        reading = self._simulation.read()
        self._gate.published(reading.stamp)
        self._topics.publish(reading)
        self._published_at = time.monotonic()
        self._steps += 1

    def _on_reset_world(self, request: ResetWorld.Request, response: ResetWorld.Response) -> ResetWorld.Response:
        try:
            self._simulation.reset(request.keyframe)
        except ConfigError as error:
            response.success, response.message = False, str(error)
            return response
        self._simulation.skip(max(RESET_TIME, 3 * self._period))
        self._publish()
        response.success, response.message = True, f'{self._settings.robot} is in its start pose'
        if request.keyframe:
            response.message = f"{self._settings.robot} is in '{request.keyframe}'"
        return response

    def _on_set_pause(self, request: SetPause.Request, response: SetPause.Response) -> SetPause.Response:
        self._gate.paused = request.paused
        response.success, response.message = True, 'paused' if request.paused else 'running'
        if self._settings.lockstep and self._stepped_by_hand and not request.paused:
            # Readings between two control periods are not answered, and none follows from an action: sensing begins anew.
            self._stepped_by_hand = False
            self._simulation.skip(3 * self._period)
            self._publish()
        if self._settings.lockstep:
            self._advance()
        return response

    def _on_step_simulation(
        self, request: StepSimulation.Request, response: StepSimulation.Response
    ) -> StepSimulation.Response:
        if not self._gate.paused:
            response.success, response.message = False, 'step_simulation needs set_pause first'
        elif not 1 <= request.steps <= MAX_STEPS_PER_CALL:
            response.success, response.message = False, f'steps {request.steps}: 1 to {MAX_STEPS_PER_CALL}'
        else:
            if self._gate.command is not None:
                # What was answered to the present sensors is carried out now: sensing takes it so.
                self._simulation.apply(self._gate.command)
            self._simulation.step_ticks(request.steps)
            self._stepped_by_hand = True
            self._publish()
            response.success, response.message = True, f'{request.steps} physics steps'
        return response

    def _on_push(self, request: Push.Request, response: Push.Response) -> Push.Response:
        impulse = request.impulse
        try:
            self._simulation.push(np.array([impulse.x, impulse.y, impulse.z]))
        except ValueError as error:
            response.success, response.message = False, str(error)
            return response
        response.success, response.message = True, 'applied in the next physics step'
        return response

    def _report(self) -> Report:
        now, steps = time.monotonic(), self._steps
        then, before = self._reported
        self._reported = (now, steps)
        values: dict[str, object] = {
            'lockstep': self._settings.lockstep,
            'simulated time (s)': self._simulation.stamp * 1e-9,
            'steps': steps,
            'rate (Hz)': (steps - before) / max(now - then, 1e-6),
            'busy per step (ms)': 1e3 * self._busy / max(steps, 1),
            'late steps': self._late,
            'realtime_priority': realtime.priority(),
            'camera images': self._topics.frames,
            'stale commands': self._stale,
            'refused commands': self.refusals.total,
            'diverged': self._simulation.diverged,
        }
        values |= self.refusals.values()
        values |= {f'variation: {name}': value for name, value in vars(self._simulation.conditions).items()}
        if self._topics.render_error:
            return WARN, f'no camera images: {self._topics.render_error}', values
        if self._simulation.diverged:
            return WARN, 'the physics diverged: the robot was put back into its start pose', values
        if self._gate.paused:
            return OK, 'paused', values
        if self._settings.lockstep and steps == before:
            return WARN, f'waiting for {self._gate.waits_for}', values
        return OK, 'lockstep' if self._settings.lockstep else 'real time', values

    def close(self) -> None:
        """Release the graphics context."""
        self._simulation.close()


def main() -> int:
    """Run the node; returns the exit code."""
    return run_node(MujocoBridge, setup=realtime.prepare)
