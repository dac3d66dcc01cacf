"""The safety gate: every command to a robot passes it. Pure: no ROS, no clock of its own, no input or output.

    action -> fresh? -> shape, type, finite, [-1, 1] -> emergency stop, fall -> spacing -> joint range -> low-pass -> joint limits
           -> ramp over the control period -> torque -> measured angle +- max_deviation -> joint limits -> command

Scaling before the low-pass, ramp and deviation follow DayDreamer's A1 (Wu et al. 2022, released code: the desired
motor angles are filtered, interpolated linearly over the control ticks, then clipped around the measured angles at each
tick). The filter is linear with unit gain at rest, so filtering before the scaling would give the same angles.

Two ways to ramp, one code: with command_period 0 each action gives one command that ends at the new target and the
hardware ramps and bounds the deviation at its own rate; otherwise command() gives the ramp's present set-point, bounded
here.

    mode   entered                                                  position            gains
    DAMP   start, emergency stop, fall, nothing for `damp_after`    measured            kp 0, kd damping
    ACTIVE an accepted action                                       the ramp            kp rises during `soft_start`
    HOLD   a refused action, or nothing for `hold_after`            where the ramp was  as before
DAMP ends only with an accepted action, which begins a soft start: the first target is the measured pose.
HOLD ends with an accepted action too: motion goes on from the set-point that the motors hold, so that a loaded leg does not
give way. There and at a soft start the low-pass begins anew.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from dreamer_drivers.arrival import Spacing, stamp_fault
from dreamer_drivers.causes import ACCEPTED, Cause, Event, Verdict, action_fault
from dreamer_drivers.command import GateCommand, Measurement, Mode
from dreamer_drivers.config import GateConfig
from dreamer_drivers.jumps import JumpWatch
from dreamer_drivers.lowpass import LowPass
from dreamer_drivers.tilt import TiltWatch
from dreamer_drivers.torque import bounded_kd, setpoint_range

LIMIT_MARGIN = 0.2
"""rad beyond a joint limit in which a measured angle is believed where there is no max_deviation."""

CLOCK_JUMP = 0.5
"""s that time may run backwards before it counts as another time; less is a message that came late."""


class SafetyGate:
    """Judges actions and makes commands. Times in seconds of one clock; J joints.

    Args:
        config: numbers of the robot.
        lower, upper: (J,) rad, joint limits from the URDF.
        speed: (J,) rad/s, the highest of each joint, from the URDF; None = not known: readings may jump.

    Attributes:
        refused: how often each cause refused something.
        events: how often each event happened.
        mode: what the last command was for.
    """

    def __init__(self, config: GateConfig, lower: np.ndarray, upper: np.ndarray, speed: np.ndarray | None = None) -> None:
        self.config = config
        self.refused: Counter[Cause] = Counter()
        self.events: Counter[Event] = Counter()
        self.mode = Mode.DAMP
        self._lower = np.asarray(lower, np.float64)
        self._upper = np.asarray(upper, np.float64)
        self._span = config.range_upper - config.range_lower
        self._zeros = np.zeros_like(self._lower)
        self._torque_bounded = bool(np.isfinite(config.max_torque).any())
        self._filter = LowPass(config.cutoff, 1 / config.period)
        self._spacing = Spacing(config.period)
        self._tilt = TiltWatch(config.fall_angle)
        self._jumps = JumpWatch(np.full_like(self._lower, np.inf) if speed is None else speed)
        self._stopped = False
        self._stop_requested = False
        self._forget()

    def _forget(self) -> None:
        """Back to the state before the first measurement and action; an emergency stop stays."""
        self.mode = Mode.DAMP
        self._now = -np.inf
        self._measured: Measurement | None = None
        self._accepted_at: float | None = None
        self._spacing.forget()
        self._jumps.forget()
        self._begun_at = 0.0
        self._start = self._target = self._bounded(self._zeros)

    # ---- inputs

    def measure(self, measurement: Measurement) -> Verdict:
        """Take the joints' state. The same stamp again replaces it; an older one is refused."""
        if not (np.isfinite(measurement.position).all() and np.isfinite(measurement.velocity).all()):
            return self._refuse_sensor(Cause.BAD_SENSOR)
        last = self._measured
        if last is not None and measurement.stamp < last.stamp:
            if measurement.stamp > last.stamp - CLOCK_JUMP:
                return self._refuse_sensor(Cause.LATE_SENSOR)
            self.events[Event.CLOCK_JUMP] += 1
            self._forget()
        jump = self._jumps.update(measurement)
        if not jump or self._jumps.lost:
            self._measured = measurement
            if self._unsafe() is not None:
                self._damp()
        return self._refuse_sensor(Cause.SENSOR_JUMP, jump) if jump else ACCEPTED

    def tilt(self, roll: float, pitch: float, stamp: float) -> None:
        """Take the base's orientation (rad) at `stamp` (s). A robot that fell is damped and actions are refused: see tilt.py."""
        self._tilt.update(roll, pitch, stamp)
        if self._unsafe() is not None:
            self._damp()

    def submit(self, action: np.ndarray, stamp: float, now: float) -> Verdict:
        """Judge one action and, if it is accepted, ramp to it from now on.

        Args:
            action: (J,) floats in [-1, 1].
            stamp: s, of the sensor data that it answers.
            now: s.
        """
        self._advance(now)
        cause = self._objection(action, stamp, now)
        if cause is not None:
            return self.refuse(cause, now, action_fault(cause, action, len(self._lower)))
        if now - stamp > self.config.period:
            self.events[Event.DEADLINE_MISS] += 1
        if np.abs(action).max() > 1 + self.config.action_tolerance:
            self.events[Event.CLIPPED_ACTION] += 1
        fraction = np.minimum(np.maximum(action.astype(np.float64), -1), 1) / 2 + 0.5
        desired = self.config.range_lower + fraction * self._span
        if self.mode is Mode.DAMP:
            self._begin(now)
        else:
            if self.mode is Mode.HOLD:
                self._prime(self._held(now))
            else:
                self._start = self._setpoint(now)
            self._target = self._within_limits(self._filter(desired))
        self.mode = Mode.ACTIVE
        self._accepted_at = now
        self._spacing.accept(stamp, now)
        return ACCEPTED

    def refuse(self, cause: Cause, now: float, detail: str = '') -> Verdict:
        """Refuse an action for a cause found outside the gate; an active robot holds its pose."""
        self.refused[cause] += 1
        if self.mode is Mode.ACTIVE:
            self._hold(now)
        return Verdict(False, cause, detail)

    def latch_emergency_stop(self) -> None:
        """Stopped from before a restart: stays until it is cleared, though no source has asked for it since."""
        self._stopped = True
        self._damp()

    def emergency_stop(self, requested: bool) -> None:
        """A source asks for a stop, which latches, or none does any more, which alone does not end it."""
        self._stop_requested = requested
        if requested:
            self.latch_emergency_stop()

    def clear_emergency_stop(self) -> bool:
        """End a latched emergency stop; False while a source still asks for it. Damped until the next action."""
        if self._stop_requested:
            return False
        self._stopped = False
        return True

    def reset(self) -> None:
        """Damp until the next action, which primes the filter and begins a soft start. An emergency stop stays."""
        self.mode = Mode.DAMP
        self._accepted_at = None

    # ---- outputs

    def command(self, now: float) -> GateCommand:
        """The command that is right now; repeated calls at one time give the same."""
        self._advance(now)
        config = self.config
        if self.mode is Mode.DAMP or self._accepted_at is None:
            if self._measured is None:
                return self._make(Mode.DAMP, self._bounded(self._zeros), self._zeros, config.damping)
            damping = config.damping
            if self._torque_bounded:
                damping = bounded_kd(config.max_torque, self._zeros, damping, self._measured.velocity)
            return self._make(Mode.DAMP, self._bounded(self._measured.position), self._zeros, damping)
        if not config.command_period:
            # The gains of the time of the action, so that a repeated command is the same command.
            kp = config.kp * self._strength(self._accepted_at if self.mode is Mode.ACTIVE else now)
            return self._make(self.mode, self._target, kp, config.kd)
        kp = config.kp * self._strength(now)
        return self._make(self.mode, *self._near_measured(self._setpoint(now), kp))

    @property
    def stopped(self) -> bool:
        """An emergency stop is latched."""
        return self._stopped

    @property
    def stop_requested(self) -> bool:
        """A source asks for the emergency stop."""
        return self._stop_requested

    def action_age(self, now: float) -> float:
        """Seconds since the last accepted action; inf before the first."""
        return np.inf if self._accepted_at is None else now - self._accepted_at

    # ---- judgement

    def _objection(self, action: np.ndarray, stamp: float, now: float) -> Cause | None:
        """Why this action must not be carried out, or None."""
        config = self.config
        sensor_age = self._sensor_age(now)
        if sensor_age == np.inf:
            return Cause.NO_SENSOR_DATA
        if sensor_age > config.max_sensor_age:
            return Cause.STALE_SENSOR
        fault = stamp_fault(stamp, now, config.max_action_age, config.period)
        if fault is not None:
            return fault
        if action.dtype.kind != 'f':
            return Cause.WRONG_TYPE
        if action.shape != self._lower.shape:
            return Cause.WRONG_SHAPE
        if not np.isfinite(action).all():
            return Cause.NOT_FINITE
        if self._stopped:
            return Cause.EMERGENCY_STOP
        unsafe = self._unsafe()
        # What ends DAMP may come at any time: its target is the measured pose, whatever it asks for.
        if unsafe is not None or self.mode is Mode.DAMP:
            return unsafe
        return Cause.TOO_SOON if self._spacing.too_soon(stamp, now) else None

    def _sensor_age(self, now: float) -> float:
        """How far the sensors that motion needs are from now, s; inf where one has said nothing yet."""
        joints = np.inf if self._measured is None else abs(now - self._measured.stamp)
        # Without the IMU nobody would notice a fall.
        return max(joints, abs(now - self._tilt.stamp)) if self.config.fall_angle else joints

    def _unsafe(self) -> Cause | None:
        """Why the robot's state forbids motion, or None."""
        if self._tilt.fallen:
            return Cause.FALLEN
        if self._jumps.lost:
            return Cause.SENSOR_JUMP
        allowed = self.config.max_deviation or LIMIT_MARGIN
        if self._measured is not None:
            # Further out no set-point is both near the measured angle and within the limits, or the angle is wrong.
            position = self._measured.position
            if (position < self._lower - allowed).any() or (position > self._upper + allowed).any():
                return Cause.OUTSIDE_LIMITS
        return None

    def _refuse_sensor(self, cause: Cause, detail: str = '') -> Verdict:
        self.refused[cause] += 1
        return Verdict(False, cause, detail)

    # ---- modes

    def _advance(self, now: float) -> None:
        """Let time pass: hold and damp where actions or measurements stayed away."""
        if now < self._now - CLOCK_JUMP:
            self.events[Event.CLOCK_JUMP] += 1
            measured = self._measured
            self._forget()
            # Measurements of the new time may have come before its clock.
            if measured is not None and measured.stamp <= now + CLOCK_JUMP:
                self._measured = measured
        self._now = max(self._now, now)
        if self.mode is Mode.DAMP or self._accepted_at is None:
            return
        action_age, sensor_age = now - self._accepted_at, self._sensor_age(now)
        if max(action_age, sensor_age) > self.config.damp_after:
            self._damp()
        elif self.mode is Mode.ACTIVE and (
            action_age > self.config.hold_after or sensor_age > self.config.max_sensor_age
        ):
            self._hold(now)

    def _begin(self, now: float) -> None:
        """Soft start: the measured pose is the first target, and kp rises from 0."""
        assert self._measured is not None
        self._prime(self._measured.position)
        self._begun_at = now

    def _prime(self, position: np.ndarray) -> None:
        self._start = self._target = self._bounded(position)
        self._filter.prime(self._target)

    def _held(self, now: float) -> np.ndarray:
        """The set-point (J,) that the motors of a held robot have: it has not left the measured angle behind."""
        assert self._measured is not None
        setpoint, measured, allowed = self._setpoint(now), self._measured.position, self.config.max_deviation
        return np.minimum(np.maximum(setpoint, measured - allowed), measured + allowed) if allowed else setpoint

    def _hold(self, now: float) -> None:
        self.events[Event.HOLD] += 1
        self._start = self._target = self._setpoint(now)
        self.mode = Mode.HOLD

    def _damp(self) -> None:
        if self.mode is not Mode.DAMP:
            self.events[Event.DAMP] += 1
        self.mode = Mode.DAMP

    # ---- numbers

    def _setpoint(self, now: float) -> np.ndarray:
        """The ramp's position (J,) at this time."""
        assert self._accepted_at is not None
        part = min(max((now - self._accepted_at) / self.config.period, 0.0), 1.0)
        return self._start + part * (self._target - self._start)

    def _strength(self, now: float) -> float:
        """Soft start: the part of kp in force, 0 to 1."""
        if self.config.soft_start == 0:
            return 1.0
        return min(max((now - self._begun_at) / self.config.soft_start, 0.0), 1.0)

    def _near_measured(self, setpoint: np.ndarray, kp: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The set-point bounded by torque, deviation from the measured angle, and joint limits; kp, and kd bounded by torque."""
        assert self._measured is not None
        config, measured = self.config, self._measured
        if self._torque_bounded:
            low, high = setpoint_range(config.max_torque, kp, config.kd, measured)
            setpoint = self._clip(setpoint, low, high, Event.CLIPPED_TORQUE)
        if config.max_deviation:
            low, high = measured.position - config.max_deviation, measured.position + config.max_deviation
            setpoint = self._clip(setpoint, low, high, Event.CLIPPED_DEVIATION)
        setpoint = self._within_limits(setpoint)
        if not self._torque_bounded:
            return setpoint, kp, config.kd
        return setpoint, kp, bounded_kd(config.max_torque, kp * (setpoint - measured.position), config.kd, measured.velocity)

    def _within_limits(self, position: np.ndarray) -> np.ndarray:
        return self._clip(position, self._lower, self._upper, Event.CLIPPED_LIMIT)

    def _clip(self, value: np.ndarray, low: np.ndarray, high: np.ndarray, event: Event) -> np.ndarray:
        result = np.minimum(np.maximum(value, low), high)
        if (result != value).any():
            self.events[event] += 1
        return result

    def _bounded(self, position: np.ndarray) -> np.ndarray:
        return np.minimum(np.maximum(position, self._lower), self._upper)

    def _make(self, mode: Mode, position: np.ndarray, kp: np.ndarray, kd: np.ndarray) -> GateCommand:
        duration = self.config.command_period or self.config.period
        deviation = self.config.max_deviation
        return GateCommand(mode, position, self._zeros, self._zeros, kp, kd, duration, deviation)
