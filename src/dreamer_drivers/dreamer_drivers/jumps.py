"""Whether measured angles go on where they were: a joint is not elsewhere at once.

A reading that jumps is left out: a bit may have flipped. Where readings jump again and again, two robots, or a robot and a
player of recordings, speak on one topic, or an encoder lost its zero: which of them is right is not known, so nothing may move.
"""

from __future__ import annotations

import numpy as np

from dreamer_drivers.command import Measurement
from dreamer_drivers.recurrence import Recurrence

SPEED_FACTOR = 2.0
"""Times the highest speed of a joint that two readings may be apart: one that is struck is faster than its motor."""

MARGIN = 0.2
"""rad that two readings may be apart at any time: noise, and stamps that are not exact."""

MANY, WINDOW, CALM_TIME = 3, 0.5, 1.0
"""Jumps within so many s of which readings are not believed until none came for so many s."""


class JumpWatch:
    """Compares each reading with the last one that was believed.

    Args:
        speed: (J,) rad/s, the highest of each joint; inf = any.
    """

    def __init__(self, speed: np.ndarray) -> None:
        self._speed = SPEED_FACTOR * np.asarray(speed, np.float64)
        self._watches = bool(np.isfinite(self._speed).any())
        self._many = Recurrence(MANY, WINDOW, CALM_TIME)
        self._last: Measurement | None = None

    @property
    def lost(self) -> bool:
        """Where the joints are is not known."""
        return self._many.lasts

    def forget(self) -> None:
        """Nothing was measured yet."""
        self._last = None
        self._many.forget()

    def update(self, measurement: Measurement) -> str:
        """Take a reading, not older than the last one; returns which number jumped, '' = none. While `lost` it is compared with
        the reading before, not with the last one that was believed."""
        fault = self._fault(measurement)
        if fault:
            self._many.happened(measurement.stamp)
        else:
            self._many.update(measurement.stamp)
        if self.lost or not fault:
            self._last = measurement
        return fault

    def _fault(self, measurement: Measurement) -> str:
        last = self._last
        if last is None or not self._watches:
            return ''
        interval = measurement.stamp - last.stamp
        if interval > 0:
            excess = np.abs(measurement.position - last.position) - self._speed * interval
        else:
            # Not 0 times infinity.
            excess = np.where(np.isfinite(self._speed), np.abs(measurement.position - last.position), 0.0)
        index = int(excess.argmax())
        if not excess[index] > MARGIN:
            return ''
        return (f'number {index} went from {last.position[index]:.3g} to {measurement.position[index]:.3g} rad within '
                f'{interval:.3g} s')
