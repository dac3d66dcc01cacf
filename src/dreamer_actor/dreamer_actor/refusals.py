"""Counts what was refused, and says it once per cause."""

from __future__ import annotations

from collections.abc import Callable


class Refusals:
    """Counters by cause. The first refusal of a cause is logged, the others are only counted.

    Args:
        log: takes one line.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._said: set[str] = set()
        self.counts: dict[str, int] = {}

    def count(self, cause: str, text: str) -> None:
        """Count a refusal.

        Args:
            cause: short key for the diagnostics, for example 'weights_truncated'.
            text: the line for a person; logged again only when it was not said before for this cause.
        """
        self.counts[cause] = self.counts.get(cause, 0) + 1
        if cause not in self._said:
            self._said.add(cause)
            self._log(f'{text} (counted in /diagnostics as {cause}, not said again)')

    @property
    def total(self) -> int:
        return sum(self.counts.values())
