"""Whether the base has fallen over."""

from __future__ import annotations

import math

RECOVERY_TIME = 1.0
"""s that a robot that fell must be upright before it counts as such: at the edge it would go limp and stiff in turns."""


class TiltWatch:
    """Follows roll and pitch of the base.

    Args:
        limit: rad of roll or pitch beyond which the robot has fallen; 0 = no matter.

    Attributes:
        stamp: s, of the last orientation; -inf before the first.
        fallen: beyond the limit, not known (NaN), or not yet seen upright for RECOVERY_TIME after that.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self.stamp = -math.inf
        self.fallen = False
        self._upright_since = math.inf

    def update(self, roll: float, pitch: float, stamp: float) -> None:
        """Take an orientation (rad) of `stamp` (s)."""
        self.stamp = stamp
        if not self._limit:
            return
        if math.isnan(roll) or math.isnan(pitch) or max(abs(roll), abs(pitch)) > self._limit:
            self.fallen, self._upright_since = True, math.inf
        elif self.fallen:
            # The smaller one, also of a clock that went back.
            self._upright_since = min(self._upright_since, stamp)
            self.fallen = stamp - self._upright_since < RECOVERY_TIME
