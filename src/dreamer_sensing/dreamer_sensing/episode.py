"""Numbers the steps of a stream and flags the boundaries of its episodes."""

from __future__ import annotations

import dataclasses
import time


@dataclasses.dataclass(frozen=True)
class StepFlags:
    """Place of one observation in the stream.

    Attributes:
        step: 0, 1, 2, ... within the stream.
        is_first: nothing before it may influence it; its reward is 0.
        is_last: the next observation is_first.
    """

    step: int
    is_first: bool
    is_last: bool


class EpisodeCounter:
    """Pseudo-episodes: flags every `episode_length` steps while the robot goes on undisturbed.

        step      0 .. L-1 | L .. 2L-1 | ...          cut() between c and c+1
        is_first  1  0 ..  | 1  0 ..                  step c: is_last as counted, step c+1: is_first
        is_last   ..    1  | ..    1                  and L steps are counted from c+1

    Time never ends an episode truly: is_terminal is not set here.

    Args:
        episode_length: L; 0 for no limit.
        stream: identifies this run of the publisher; by default from the wall clock, so that every start differs.
    """

    def __init__(self, episode_length: int, stream: int | None = None) -> None:
        self.stream = time.time_ns() if stream is None else stream
        self.cuts = 0
        self._length = episode_length
        self._step = 0
        self._within = 0

    @property
    def step(self) -> int:
        """Number of the next observation."""
        return self._step

    def next(self) -> StepFlags:
        """The flags of the next observation."""
        is_last = self._within + 1 == self._length
        flags = StepFlags(self._step, self._within == 0, is_last)
        self._step += 1
        self._within = 0 if is_last else self._within + 1
        return flags

    def cut(self) -> None:
        """The next observation does not follow from the last one and begins an episode."""
        if self._within:
            self._within = 0
            self.cuts += 1
