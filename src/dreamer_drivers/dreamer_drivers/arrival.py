"""Whether an action comes in time: neither from long ago nor from the future, and not too soon after the last one.

The low-pass counts actions, not seconds: many at once would pass it as if much time had gone by. So an action keeps its distance
from the last accepted one by its stamp and by its arrival: stamps alone are what the sender says, arrivals alone would let two
answers to the same time through. The distance by arrival is smaller, since one that came late may be followed by a punctual one.
"""

from __future__ import annotations

from dreamer_drivers.causes import Cause

MIN_STAMP_SPACING, MIN_ARRIVAL_SPACING = 0.5, 0.25
"""Control periods at least from one accepted action to the next; sensors and answers are regular, but not exactly."""

ROUNDING = 1e-6
"""s that two times may be nearer than that: in s since 1970 a float is rounded to 0.2 us."""


def stamp_fault(stamp: float, now: float, max_age: float, period: float) -> Cause | None:
    """Why an action of this stamp must not be carried out now, or None; all in s.

    A stamp may be one control period ahead of now: the reading that it answers, with its /clock, may have got lost on its way to
    the driver.
    """
    # Negated, so that a stamp that is not a number is refused.
    if not now - stamp <= max_age:
        return Cause.STALE_ACTION
    return None if stamp - now <= period + ROUNDING else Cause.FUTURE_ACTION


def too_soon(since_stamp: float, since_arrival: float, period: float) -> bool:
    """Whether an action is too near to the last accepted one.

    Args:
        since_stamp: s from the last one's stamp to this one's.
        since_arrival: s from the last one's arrival to now.
        period: s, from one action to the next.
    """
    near_stamp = since_stamp < MIN_STAMP_SPACING * period - ROUNDING
    return near_stamp or since_arrival < MIN_ARRIVAL_SPACING * period - ROUNDING
