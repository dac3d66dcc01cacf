"""Whether an action comes in time: neither from long ago nor from the future, and not too soon after the last one.

The low-pass counts actions, not seconds: many at once would pass it as if much time had gone by. So an action needs half a
control period since the last accepted one, by its stamp and by its arrival: stamps alone are what the sender says, arrivals
alone would let two answers to the same time through. Half, since an action that came late may be followed by a punctual one.
"""

from __future__ import annotations

from dreamer_drivers.causes import Cause

MIN_SPACING = 0.5
"""Control periods at least from one accepted action to the next; sensors and answers are regular, but not exactly."""

ROUNDING = 1e-6
"""s that two times may be nearer than that: in s since 1970 a float is rounded to 0.2 us."""

MAX_LEAD = 0.01
"""s that a stamp may be ahead of now: the clocks of two machines differ by ms, and a reading at 100 Hz that got lost on its
way to the driver, with its /clock, may have reached the actor."""


def stamp_fault(stamp: float, now: float, max_age: float) -> Cause | None:
    """Why an action of this stamp must not be carried out now, or None; all in s."""
    # Negated, so that a stamp that is not a number is refused.
    if not now - stamp <= max_age:
        return Cause.STALE_ACTION
    return None if stamp - now <= MAX_LEAD else Cause.FUTURE_ACTION


def too_soon(since_stamp: float, since_arrival: float, period: float) -> bool:
    """Whether an action is too near to the last accepted one.

    Args:
        since_stamp: s from the last one's stamp to this one's.
        since_arrival: s from the last one's arrival to now.
        period: s, from one action to the next.
    """
    return min(since_stamp, since_arrival) < MIN_SPACING * period - ROUNDING
