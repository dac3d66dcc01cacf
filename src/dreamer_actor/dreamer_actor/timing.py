"""How long answers take, and how many came too late."""

from __future__ import annotations

import math

from dreamer_actor.latency import LatencyWindow

LONGEST_AGE = 10.0
"""Seconds; an observation that seems older, or from the future, was stamped by a clock that is not ours."""


class StepTiming:
    """Latency of answers in two windows.

    `latency` is from the observation's callback to the published action; `age` from the observation's stamp to the
    published action, which includes sensing and transport, and is known only where both clocks agree.

    Args:
        period: seconds between observations; a longer answer is a deadline miss.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self._latency = LatencyWindow()
        self._age = LatencyWindow()
        self.answers = 0
        self.misses = 0

    def record(self, latency: float, age: float | None) -> None:
        """Add one answer.

        Args:
            latency: seconds.
            age: seconds; None where the clocks do not allow it.
        """
        self.answers += 1
        self._latency.record(latency)
        longest = latency
        if age is not None and 0.0 <= age < LONGEST_AGE:
            self._age.record(age)
            longest = max(latency, age)
        self.misses += longest > self._period

    def describe(self) -> dict[str, float]:
        """Named numbers of the last window; those without a measurement are left out."""
        numbers = {'answers': float(self.answers), 'deadline_misses': float(self.misses)}
        for name, window in (('latency', self._latency), ('age', self._age)):
            result = window.percentiles()
            values = {'p50': result.p50, 'p99': result.p99, 'max': result.max}
            numbers |= {f'{name}_{key}_ms': value for key, value in values.items() if not math.isnan(value)}
        return numbers
