"""The robot's joint controllers: linear ramp, bound on the deviation, PD with feed-forward (JointCommand.msg)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import mujoco
import numpy as np

from dreamer_mujoco.model import RobotModel

StepFunction = Callable[[], None]

HOLD_AFTER = 0.2
"""s without a command after which the joints hold still at the ramp's end."""

LONGEST = 60.0
"""s of a ramp."""

LARGEST = 1e6
"""Of angles, gains and torques: no robot's, and their products and sums stay numbers."""

DAMP_AFTER = 1.0
"""s without a command after which the joints are damped."""

RISE_TIME = 1.0
"""s in which the stiffness of commands rises from 0 after the joints were damped so."""


@dataclasses.dataclass(frozen=True)
class Command:
    """Set-points for the joint controllers; arrays are (J,) in the robot's joint order. See JointCommand.msg.

    Attributes:
        position: rad, reached linearly within `duration`.
        velocity: rad/s.
        effort: Nm, feed-forward.
        kp: Nm/rad.
        kd: Nm s/rad.
        duration: s.
        max_deviation: rad between set-point and measured angle; 0 = unbounded.
    """

    position: np.ndarray
    velocity: np.ndarray
    effort: np.ndarray
    kp: np.ndarray
    kd: np.ndarray
    duration: float = 0.0
    max_deviation: float = 0.0

    def fault(self, joints: int) -> str | None:
        """Why this command cannot be carried out, or None."""
        for name in ('position', 'velocity', 'effort', 'kp', 'kd'):
            values = getattr(self, name)
            if values.shape != (joints,):
                return f'{name} has {values.size} values for {joints} joints'
            if not np.isfinite(values).all():
                return f'{name} is not finite'
            if np.abs(values).max(initial=0.0) > LARGEST:
                return f'{name} is beyond +-{LARGEST:g}'
        if not 0 <= self.duration <= LONGEST:
            return f'duration is 0 to {LONGEST:g} s'
        if not 0 <= self.max_deviation < np.inf:
            return 'max_deviation is finite and at least 0'
        if (self.kp < 0).any() or (self.kd < 0).any():
            return 'kp and kd are at least 0'
        return None


class JointServos:
    """Carries out commands tick by tick through MuJoCo's affine actuators: force = gain ctrl + bias0 + bias1 q + bias2 qd.

    The ramp runs between commanded set-points; the bound applies to what the motors get. Where the stiffness was zero, a
    ramp starts from the measured angle.
    """

    def __init__(self, robot: RobotModel, data: mujoco.MjData, strength: float) -> None:
        self._robot = robot
        self._strength = strength
        self._gain = robot.model.actuator_gainprm
        self._bias = robot.model.actuator_biasprm
        self._ctrl = data.ctrl
        # The driven joints are mostly one block of qpos: a view costs less than a gather.
        first, count = int(robot.qpos[0]), len(robot.qpos)
        self._block = np.array_equal(robot.qpos, np.arange(first, first + count))
        self._qpos = data.qpos
        self._q = data.qpos[first : first + count] if self._block else np.zeros(count)
        self._target = np.zeros(count)
        self._setpoint = np.zeros(count)
        self._increment = np.zeros(count)
        self._soft = np.ones(count, bool)
        self._velocity = np.zeros(count)
        self._lower = np.zeros(count)
        self._upper = np.zeros(count)
        self.ramp_ticks = 0
        self.max_deviation = 0.0

    def limp(self, kd: float) -> None:
        """No stiffness, only damping kd (Nm s/rad)."""
        zeros = np.zeros(len(self._target))
        self.apply(Command(self._measured().copy(), zeros, zeros, zeros, zeros + kd))

    def hold(self, position: np.ndarray, kp: float, kd: float) -> None:
        """Hold these angles (J,), at once."""
        zeros = np.zeros(len(self._target))
        self.apply(Command(position, zeros, zeros, zeros + kp, zeros + kd))

    def still(self) -> None:
        """Go on with the last set-points and gains, without feed-forward velocity."""
        damping = self._bias[:, 2]
        self._bias[:, 0] += damping * self._velocity
        self._velocity = np.zeros(len(self._target))

    def apply(self, command: Command, stiffness: float = 1.0) -> None:
        """Start to carry out a command that has no fault, with this part (0 to 1) of its kp."""
        measured = self._measured()
        np.copyto(self._setpoint, measured, where=self._soft)
        kp = stiffness * command.kp
        self._soft = kp == 0
        self._target[:] = command.position
        ticks = round(command.duration / self._robot.model.opt.timestep)
        self.ramp_ticks = ticks
        if ticks:
            np.subtract(self._target, self._setpoint, out=self._increment)
            self._increment /= ticks
        else:
            self._setpoint[:] = self._target
        self._velocity = np.array(command.velocity)
        self.max_deviation = command.max_deviation
        strength = self._strength
        self._gain[:, 0] = strength * kp
        self._bias[:, 1] = -strength * kp
        self._bias[:, 2] = -strength * command.kd
        self._bias[:, 0] = strength * (command.effort + command.kd * command.velocity)
        self._ctrl[:] = self._setpoint

    def run(self, step: StepFunction, ticks: int) -> None:
        """Simulate `ticks` physics ticks; `step` advances the physics by one."""
        while ticks > 0:
            if self.ramp_ticks:
                count = min(ticks, self.ramp_ticks)
                self._run_ramp(step, count)
                self.ramp_ticks -= count
                if not self.ramp_ticks:
                    self._setpoint[:] = self._target
            else:
                count = ticks
                self._run_constant(step, count)
            ticks -= count

    def _run_ramp(self, step: StepFunction, count: int) -> None:
        setpoint, increment, ctrl = self._setpoint, self._increment, self._ctrl
        last = count == self.ramp_ticks
        for tick in range(count):
            if last and tick == count - 1:
                setpoint[:] = self._target
            else:
                np.add(setpoint, increment, out=setpoint)
            if self.max_deviation:
                self._bound()
            else:
                ctrl[:] = setpoint
            step()

    def _run_constant(self, step: StepFunction, count: int) -> None:
        if not self.max_deviation:
            self._ctrl[:] = self._setpoint
            for _ in range(count):
                step()
            return
        for _ in range(count):
            self._bound()
            step()

    def _bound(self) -> None:
        q = self._q if self._block else self._measured()
        np.subtract(q, self.max_deviation, out=self._lower)
        np.add(q, self.max_deviation, out=self._upper)
        np.maximum(self._setpoint, self._lower, out=self._lower)
        np.minimum(self._lower, self._upper, out=self._ctrl)

    def _measured(self) -> np.ndarray:
        if not self._block:
            np.take(self._qpos, self._robot.qpos, out=self._q)
        return self._q
