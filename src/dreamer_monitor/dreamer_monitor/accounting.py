"""Counts steps, robot time, rewards and episodes of one launch, from the observations alone."""

from __future__ import annotations

import dataclasses
from collections import deque

import numpy as np

from dreamer_node.wire import Step

RUNNING = 300.0
"""Seconds of robot time over which the running reward is averaged."""

LONGEST_STEP = 10.0
"""s that a control step may take; what goes beyond is a clock that was set, and no robot time."""


@dataclasses.dataclass
class Mean:
    """A sum and the number of its terms."""

    total: float = 0.0
    count: int = 0

    def add(self, total: float, count: int = 1) -> None:
        self.total += total
        self.count += count

    @property
    def value(self) -> float | None:
        """The mean, or None of nothing."""
        return self.total / self.count if self.count else None


@dataclasses.dataclass(frozen=True)
class Episode:
    """A finished episode: robot time of its end, mean reward per step (its first step left out), sum of rewards."""

    end: float
    reward: float
    score: float
    steps: int


@dataclasses.dataclass(frozen=True)
class Counted:
    """The counts of an Accounting, and the observation that was counted last (stream None = none)."""

    steps: int = 0
    env_steps: int = 0
    robot_time: float = 0.0
    episodes: int = 0
    gaps: int = 0
    missing: int = 0
    stream: int | None = None
    step: int = -1
    stamp: float = 0.0


class Accounting:
    """What the observations of one launch say.

    Args:
        before: counted in this launch before the console was started again; steps missed meanwhile count as a gap.

    Attributes:
        steps: control steps; a step that was not received but lies between two that were counts.
        env_steps: steps of all environments.
        robot_time: seconds, without the pauses between two streams.
        gaps, missing: jumps of `step`, and the steps jumped over.
        reward: mean per step since the console's start; steps that begin an episode have no reward and do not count.
    """

    def __init__(self, before: Counted = Counted()) -> None:
        self.steps = before.steps
        self.env_steps = before.env_steps
        self.robot_time = before.robot_time
        self.gaps = before.gaps
        self.missing = before.missing
        self.reward = Mean()
        self.episodes = before.episodes
        self.last_episode: Episode | None = None
        self._stream = before.stream
        self._step = before.step
        self._stamp = before.stamp
        self._open: list[Mean | None] = []
        self._seconds: deque[tuple[int, Mean]] = deque()
        self._running = Mean()

    def add(self, step: Step) -> tuple[Mean, list[Episode]]:
        """Count an observation; a repeated one counts nothing.

        Returns:
            The rewards of this step, and the episodes that end with it.
        """
        if not self._advance(step):
            return Mean(), []
        counted = ~step.is_first
        rewards = Mean(float(step.reward[counted].sum()), int(np.count_nonzero(counted)))
        if rewards.count:
            self.reward.add(rewards.total, rewards.count)
            self._add_running(rewards)
        return rewards, self._episodes(step)

    @property
    def running_reward(self) -> float | None:
        """Mean reward per step of the last five minutes of robot time."""
        return self._running.value

    @property
    def counted(self) -> Counted:
        """What to go on from after a restart."""
        return Counted(
            self.steps, self.env_steps, self.robot_time, self.episodes, self.gaps, self.missing,
            self._stream, self._step, self._stamp,
        )

    def _advance(self, step: Step) -> bool:
        jump = 1
        if step.stream == self._stream:
            jump = step.step - self._step
            if jump <= 0:
                return False
            self.robot_time += min(max(step.stamp - self._stamp, 0.0), jump * LONGEST_STEP)
        if jump > 1:
            self.gaps += 1
            self.missing += jump - 1
        if step.stream != self._stream or jump > 1 or len(self._open) != len(step.reward):
            # What was open before a gap has an unknown part: it never counts as an episode.
            self._open = [None] * len(step.reward)
        self._stream, self._step, self._stamp = step.stream, step.step, step.stamp
        self.steps += jump
        self.env_steps += jump * len(step.reward)
        return True

    def _add_running(self, rewards: Mean) -> None:
        second = int(self.robot_time)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, Mean()))
        self._seconds[-1][1].add(rewards.total, rewards.count)
        self._running.add(rewards.total, rewards.count)
        while self._seconds[0][0] <= second - RUNNING:
            _, old = self._seconds.popleft()
            self._running.add(-old.total, -old.count)

    def _episodes(self, step: Step) -> list[Episode]:
        ended = []
        for index, reward in enumerate(step.reward.tolist()):
            if step.is_first[index]:
                self._open[index] = Mean()
            elif (episode := self._open[index]) is not None:
                episode.add(reward)
            episode = self._open[index]
            if step.is_last[index] and episode is not None:
                self._open[index] = None
                if episode.count:
                    ended.append(
                        Episode(self.robot_time, episode.total / episode.count, episode.total, episode.count)
                    )
        if ended:
            self.episodes += len(ended)
            self.last_episode = ended[-1]
        return ended


class Rate:
    """Counts per second over a sliding window of wall time."""

    def __init__(self, window: float = 10.0) -> None:
        self._window = window
        self._points: deque[tuple[float, int]] = deque()

    def update(self, now: float, count: int) -> float:
        """Note the count at this time; returns the mean rate over the window, 0 at first."""
        self._points.append((now, count))
        while len(self._points) > 2 and self._points[1][0] <= now - self._window:
            self._points.popleft()
        (start, first), (end, last) = self._points[0], self._points[-1]
        return (last - first) / (end - start) if end > start else 0.0
