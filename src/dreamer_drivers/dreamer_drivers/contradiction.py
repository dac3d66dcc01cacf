"""Whether two actors answer the same observations: the robot would do what the faster one says, now this one, now that one.

A publisher that was killed stays listed for 20 s, so counting publishers tells nothing; two different answers to one step do.
"""

from __future__ import annotations

from collections.abc import Sequence

from dreamer_drivers.recurrence import Recurrence

MANY, WINDOW, CALM_TIME = 3, 1.0, 1.0
"""Second answers within so many s that tell of two actors, until none came for so many s. An actor that was restarted may answer
one step anew."""


class Contradictions:
    """Compares what repeats a step's answer with the answer. Times in s."""

    def __init__(self) -> None:
        self._answer: Sequence[int] = ()
        self._many = Recurrence(MANY, WINDOW, CALM_TIME)

    @property
    def lasting(self) -> bool:
        """Two actors answer."""
        return self._many.lasts

    def new(self, data: Sequence[int], now: float) -> None:
        """The bytes that answer a new step."""
        self._answer = data
        self._many.update(now)

    def repeat(self, data: Sequence[int], now: float) -> None:
        """The bytes that answer the same step again."""
        if data != self._answer:
            self._many.happened(now)
