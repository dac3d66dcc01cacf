"""Is another learner at work in this namespace? Two of them would make the actor change between two policies.

That another publisher of the weights is listed proves nothing: a learner that was killed stays listed until its lease
ends, 20 s by default. So each learner says in its metrics when it started, and listens to the metrics of others.
"""

from __future__ import annotations

from collections.abc import Sequence

START_TIME = 'learner_start_time'
"""Name of the metric: seconds since 1970 at which the learner started."""


def must_yield(own_start: float, names: Sequence[str], values: Sequence[float]) -> bool:
    """Whether these metrics come from a learner that was there before this one.

    Args:
        own_start: START_TIME of this learner; a message with the same value is its own.
        names, values: of a Metrics message.
    """
    other = dict(zip(names, values)).get(START_TIME)
    return other is not None and other < own_start
