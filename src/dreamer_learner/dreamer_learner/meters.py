"""Means of what the updates report, from one publication to the next."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping


class Meters:
    """Written by the training thread, read and emptied by the node."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[str, tuple[float, int]] = {}
        self._updates = 0
        self._since = time.monotonic()

    def record(self, metrics: Mapping[str, float]) -> None:
        """One update's numbers; those that are not finite are left out of the mean."""
        with self._lock:
            self._updates += 1
            for name, value in metrics.items():
                if math.isfinite(value):
                    total, count = self._sums.get(name, (0.0, 0))
                    self._sums[name] = (total + value, count + 1)

    def collect(self) -> dict[str, float]:
        """Means since the last call, and updates_per_second."""
        now = time.monotonic()
        with self._lock:
            sums, updates, since = self._sums, self._updates, self._since
            self._sums, self._updates, self._since = {}, 0, now
        means = {name: total / count for name, (total, count) in sums.items()}
        return {'updates_per_second': updates / max(now - since, 1e-9), **means}
