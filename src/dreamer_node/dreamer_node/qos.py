"""Named QoS profiles. Every publisher and subscription of the suite uses one of these."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _profile(depth: int, reliable: bool = True, latched: bool = False) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


STANDARD = _profile(10)
"""Diagnostics, metrics, sensors as their drivers publish them."""

SENSOR = _profile(10, reliable=False)
"""Sensors as readers subscribe to them: matches any publisher, the newest counts."""

STEPS = _profile(50)
"""Observations and actions as the control loop reads them."""

STEPS_KEPT = _profile(50, latched=True)
"""Observations and actions as published: a learner or recorder that comes late gets the last 50."""

STEPS_QUEUED = _profile(1000, latched=True)
"""Observations and actions as learner and recorder read them: none is lost while they are busy for 1000 steps."""

COMMAND = _profile(1)
"""Actions and joint commands for a robot: an old one is never carried out."""

LATCHED = _profile(1, latched=True)
"""Weights, descriptions, the emergency stop as published: who comes late gets the last one."""

EMERGENCY_STOP = _profile(100, latched=True)
"""The emergency stop as the driver hears it: no publisher's last message takes the place of another's."""

START_TIMES = _profile(100, latched=True)
"""When drivers started, as they hear it from each other: no publisher's last message takes the place of another's."""

CLOCK = _profile(1)
"""/clock as the bridge publishes it."""
