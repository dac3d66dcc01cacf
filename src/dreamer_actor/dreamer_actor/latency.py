"""Percentiles of the last durations, in preallocated memory."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Percentiles:
    """Milliseconds over one window; all NaN when nothing was recorded."""

    p50: float
    p99: float
    max: float
    count: int


class LatencyWindow:
    """The last `capacity` durations.

    Args:
        capacity: durations kept, 600 = 30 s at 20 Hz.
    """

    def __init__(self, capacity: int = 600) -> None:
        self._durations = np.zeros(capacity)
        self._next = 0
        self._filled = 0

    def record(self, seconds: float) -> None:
        """Add one duration; the oldest one falls out of a full window."""
        self._durations[self._next] = seconds
        self._next = (self._next + 1) % len(self._durations)
        self._filled = min(self._filled + 1, len(self._durations))

    def percentiles(self) -> Percentiles:
        """p50, p99 and maximum in ms. Percentiles are durations that really occurred (nearest rank, rounded up)."""
        if not self._filled:
            return Percentiles(float('nan'), float('nan'), float('nan'), 0)
        durations = 1e3 * self._durations[: self._filled]
        p50, p99 = np.percentile(durations, (50, 99), method='higher')
        return Percentiles(float(p50), float(p99), float(durations.max()), self._filled)
