"""Why the driver refuses something, and what else it counts. The texts are keys in /diagnostics."""

from __future__ import annotations

import enum


class Cause(enum.StrEnum):
    """Why an action or a measurement was refused."""

    STOP_UNKNOWN = 'emergency_stop_unknown'
    DRIVERS_UNKNOWN = 'other_drivers_unknown'
    NO_SENSOR_DATA = 'no_sensor_data'
    STALE_SENSOR = 'stale_sensor'
    LATE_SENSOR = 'late_sensor'
    BAD_SENSOR = 'bad_sensor'
    OUTSIDE_LIMITS = 'measured_outside_limits'
    FALLEN = 'fallen'
    STALE_ACTION = 'stale_action'
    FUTURE_ACTION = 'future_action'
    OLD_STEP = 'old_step'
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
