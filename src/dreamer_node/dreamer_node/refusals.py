"""Messages that cannot be used: counted by cause, and said once per cause."""

from __future__ import annotations

import collections
from collections.abc import Callable


class Refused(ValueError):
    """Input that is not used. The text names what is wrong and what is allowed.

    Attributes:
        cause: short fixed name of the kind of fault, for example 'missing_joint'.
    """

    def __init__(self, cause: str, text: str) -> None:
        super().__init__(text)
        self.cause = cause


class Refusals:
    """Counters by cause. The first refusal of a cause is logged, the others are only counted.

    Args:
        log: takes one line.
    """

    def __init__(self, log: Callable[[str], object]) -> None:
        self._log = log
        self._counts: collections.Counter[str] = collections.Counter()

    def count(self, refused: Refused) -> None:
        """Count a refusal."""
        self._counts[refused.cause] += 1
        if self._counts[refused.cause] == 1:
            self._log(f'refused: {refused} (counted in /diagnostics as refused_{refused.cause}, not said again)')

    @property
    def total(self) -> int:
        """Refusals of all causes."""
        return self._counts.total()

    def values(self) -> dict[str, int]:
        """For the diagnostics: 'refused_<cause>' -> number."""
        return {f'refused_{cause}': count for cause, count in sorted(self._counts.items())}
