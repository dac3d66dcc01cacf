"""Why the driver refuses something, and what else it counts. The texts are keys in /diagnostics."""

from __future__ import annotations

import enum
from typing import NamedTuple

import numpy as np


class Cause(enum.StrEnum):
    """Why an action or a measurement was refused."""

    STOP_UNKNOWN = 'emergency_stop_unknown'
    DRIVERS_UNKNOWN = 'other_drivers_unknown'
    NO_SENSOR_DATA = 'no_sensor_data'
    STALE_SENSOR = 'stale_sensor'
    LATE_SENSOR = 'late_sensor'
    BAD_SENSOR = 'bad_sensor'
    SENSOR_JUMP = 'sensor_jump'
    OUTSIDE_LIMITS = 'measured_outside_limits'
    FALLEN = 'fallen'
    STALE_ACTION = 'stale_action'
    FUTURE_ACTION = 'future_action'
    OLD_STEP = 'old_step'
    CONTRADICTED = 'contradicted_action'
    TOO_SOON = 'too_soon'
    MALFORMED = 'malformed_action'
    WRONG_SHAPE = 'wrong_shape'
    WRONG_TYPE = 'wrong_type'
    NOT_FINITE = 'not_finite'
    EMERGENCY_STOP = 'emergency_stop'


class Event(enum.StrEnum):
    """What the gate changed or met without refusing anything."""

    CLIPPED_ACTION = 'clipped_action'
    CLIPPED_LIMIT = 'clipped_limit'
    CLIPPED_DEVIATION = 'clipped_deviation'
    CLIPPED_TORQUE = 'clipped_torque'
    DEADLINE_MISS = 'deadline_miss'
    HOLD = 'hold'
    DAMP = 'damp'
    CLOCK_JUMP = 'clock_jump'


class Verdict(NamedTuple):
    """Whether something was accepted, and if not, why: the cause, and what was wrong where the cause does not say it all."""

    accepted: bool
    cause: Cause | None = None
    detail: str = ''

    @property
    def reason(self) -> str:
        """Both in words."""
        return f'{self.cause}: {self.detail}' if self.detail else str(self.cause)


ACCEPTED = Verdict(True)


def action_fault(cause: Cause, action: np.ndarray, joints: int) -> str:
    """What of an action is wrong where the cause does not say it all; else ''.

    Args:
        action: of any shape and type.
        joints: how many numbers it should have.
    """
    if cause is Cause.WRONG_SHAPE:
        return f'{list(action.shape)}; allowed: [{joints}]'
    if cause is Cause.WRONG_TYPE:
        return f'{action.dtype}; allowed: float32, float64'
    if cause is Cause.NOT_FINITE:
        index = int(np.argmax(~np.isfinite(action)))
        return f'number {index} is {action[index]}'
    return ''
