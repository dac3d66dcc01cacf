"""Joins observations and actions of the same stream and step, and hands them on in order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from dreamer_node.wire import CompleteStep, Step

WINDOW = 16
"""Complete steps that wait behind an incomplete one before that is given up."""

KEPT = 256
"""Observations without action, and actions without observation, that are kept at most."""


@dataclasses.dataclass(frozen=True)
class Acted:
    """An action of E environments: (E, A) or (E,); latent name -> (E, ...), empty for random actions."""

    stream: int
    step: int
    action: np.ndarray
    latent: dict[str, np.ndarray]


def join(observed: Step, acted: Acted) -> CompleteStep:
    """One complete step of two halves of the same stream and step."""
    return CompleteStep(**vars(observed), action=acted.action, latent=acted.latent)


class Pairing:
    """Matches by (stream, step), in any order of arrival; emits in the order of steps.

        observations   3 4 5 . 7          emitted: 3 4 5, then 7 when 6 is given up
        actions        3 4 5 6 7          (6 counts as a gap)

    Only observations start a stream: an actor that outlives sensing sends late joiners actions of the stream before.

    Attributes:
        gaps: steps that were passed over, of streams seen from their middle on not counting the ones before.
        retries: repeated observations and actions.
        stale: messages of a stream that has ended, or of a step given up.
    """

    def __init__(self) -> None:
        self._stream: int | None = None
        self._ended: set[int] = set()
        self._observed: dict[int, Step] = {}
        self._acted: dict[tuple[int, int], Acted] = {}
        self._next: int | None = None
        self.gaps = 0
        self.retries = 0
        self.stale = 0

    def observe(self, observed: Step) -> list[CompleteStep]:
        """Take an observation; returns the steps that are now complete, in order."""
        if observed.stream in self._ended:
            self.stale += 1
            return []
        rest = self._switch(observed.stream) if observed.stream != self._stream else []
        if self._next is not None and observed.step < self._next or observed.step in self._observed:
            self.retries += 1
            return rest
        self._observed[observed.step] = observed
        if len(self._observed) > KEPT:
            del self._observed[min(self._observed)]
        return rest + list(self._emit(WINDOW))

    def act(self, acted: Acted) -> list[CompleteStep]:
        """Take an action; returns the steps that are now complete, in order."""
        if acted.stream in self._ended:
            self.stale += 1
            return []
        key = (acted.stream, acted.step)
        done = acted.stream == self._stream and self._next is not None and acted.step < self._next
        if done or key in self._acted:
            self.retries += 1
            return []
        self._acted[key] = acted
        while len(self._acted) > KEPT:
            self._acted.pop(next(iter(self._acted)))
            self.stale += 1
        return list(self._emit(WINDOW))

    def flush(self) -> list[CompleteStep]:
        """All complete steps, giving up the incomplete ones between them: nothing more is to come for those."""
        return list(self._emit(0))

    def stuck(self) -> bool:
        """Complete steps wait behind an incomplete one."""
        return any((self._stream, step) in self._acted for step in self._observed)

    def waiting(self) -> int:
        """Halves of steps that wait for the other one."""
        return len(self._observed) + len(self._acted)

    def _switch(self, stream: int) -> list[CompleteStep]:
        rest = self.flush()
        if self._stream is not None:
            self._ended.add(self._stream)
        self._stream, self._next = stream, None
        self._observed.clear()
        self._acted = {key: acted for key, acted in self._acted.items() if key[0] not in self._ended}
        return rest

    def _emit(self, window: int) -> Iterator[CompleteStep]:
        """Complete steps from the front; over an incomplete one only when more than `window` complete ones wait."""
        stream = self._stream
        if stream is None:
            return
        complete = sorted(step for step in self._observed if (stream, step) in self._acted)
        for index, step in enumerate(complete):
            if self._next is not None and step != self._next and len(complete) - index <= window:
                break
            if self._next is None and self._earlier_expected(step) and len(complete) - index <= window:
                break
            self.gaps += step - self._next if self._next is not None else 0
            self._next = step + 1
            yield join(self._observed.pop(step), self._acted.pop((stream, step)))
        if self._next is not None:
            self._observed = {step: item for step, item in self._observed.items() if step >= self._next}

    def _earlier_expected(self, step: int) -> bool:
        """Before the first emission: an observation of an earlier step still waits for its action."""
        return min(self._observed) < step
