"""Whether an action comes in time: neither from long ago nor from the future, and no more often than the control rate.

The low-pass counts actions, not seconds: many at once would pass it as if much time had gone by. So an action keeps its distance
from the last accepted one by its stamp and by its arrival: stamps alone are what the sender says, arrivals alone would let two
answers to the same time through. The distance by arrival is smaller, since one that came late may be followed by a punctual one.
"""

from __future__ import annotations

import math

from dreamer_drivers.causes import Cause
from dreamer_node.pace import MEAN_SPACING

MIN_STAMP_SPACING, MIN_ARRIVAL_SPACING = 0.5, 0.25
"""Control periods at least from one accepted action to the next; sensors and answers are regular, but not exactly."""

AHEAD = 1.4
"""Control periods that a stamp may be ahead of the mean pace: one more than the rate allows, once, and the next one punctual."""

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


class Spacing:
    """Keeps accepted actions apart, each from the one before and all of them on average.

    Args:
        period: s, from one action to the next.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self.forget()

    def forget(self) -> None:
        """No action was accepted yet."""
        self._stamp = self._arrival = -math.inf
        self._due = -math.inf  # stamp of the next action if each kept MEAN_SPACING

    def too_soon(self, stamp: float, now: float) -> bool:
        """Whether an action is too near to the last accepted one, or one more than the rate allows; both in s."""
        early = MIN_STAMP_SPACING * self._period - ROUNDING
        if stamp - self._stamp < early or now - self._arrival < MIN_ARRIVAL_SPACING * self._period - ROUNDING:
            return True
        return stamp < self._due - AHEAD * self._period - ROUNDING

    def accept(self, stamp: float, now: float) -> None:
        """An action was accepted."""
        self._stamp, self._arrival = stamp, now
        self._due = max(stamp, self._due) + MEAN_SPACING * self._period
