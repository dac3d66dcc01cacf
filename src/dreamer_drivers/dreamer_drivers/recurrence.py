"""What happens again and again, told from what happened once."""

from __future__ import annotations

import math
from collections import deque


class Recurrence:
    """Begins when something happened `count` times within `window` s, and lasts until it has not happened for `calm` s.

    Attributes:
        lasts: as of the last call.
    """

    def __init__(self, count: int, window: float, calm: float) -> None:
        self._window = window
        self._calm = calm
        self._times: deque[float] = deque(maxlen=count)
        self.forget()

    def forget(self) -> None:
        """It has never happened."""
        self._times.clear()
        self._last = -math.inf
        self.lasts = False

    def happened(self, now: float) -> None:
        """It happened at `now` (s)."""
        self._times.append(now)
        self._last = now
        full = len(self._times) == self._times.maxlen
        self.lasts = self.lasts or (full and now - self._times[0] <= self._window)

    def update(self, now: float) -> None:
        """It did not happen at `now` (s)."""
        # The smaller one, also of a clock that went back.
        self._last = min(self._last, now)
        self.lasts = self.lasts and now - self._last < self._calm
