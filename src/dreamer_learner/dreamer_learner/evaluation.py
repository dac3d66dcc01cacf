"""Returns of whole episodes that one set of weights acted in from their first step to their last."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from dreamer_node.wire import CompleteStep


@dataclasses.dataclass(frozen=True)
class Episode:
    """One finished episode.

    Attributes:
        reward: sum over its steps.
        steps: transitions, that is one less than its observations.
    """

    reward: float
    steps: int


@dataclasses.dataclass
class _Running:
    reward: float = 0.0
    steps: int = 0


class Evaluation:
    """Counts episodes; complete steps come in the order of one stream.

    Attributes:
        episodes: the finished ones, in the order of their ends.
        left_out: episodes in which a step was missing, or whose actions were not all chosen by the weights in question.
    """

    def __init__(self) -> None:
        self.episodes: list[Episode] = []
        self.left_out = 0
        self._running: dict[int, _Running] = {}  # environment -> its episode
        self._last: tuple[int, int] | None = None

    def add(self, step: CompleteStep, chosen: bool) -> None:
        """Take the next step.

        Args:
            chosen: its action was chosen by the weights in question.
        """
        if self._last is not None and (step.stream, step.step) != (self._last[0], self._last[1] + 1):
            self._leave_out()
        self._last = step.stream, step.step
        for environment in range(len(step.reward)):
            if step.is_first[environment]:
                self._drop(environment)
                self._running[environment] = _Running()
            elif environment in self._running:
                running = self._running[environment]
                running.reward += float(step.reward[environment])
                running.steps += 1
                if step.is_last[environment]:
                    del self._running[environment]
                    self.episodes.append(Episode(running.reward, running.steps))
        if not chosen:
            self._leave_out()

    def _leave_out(self) -> None:
        for environment in list(self._running):
            self._drop(environment)

    def _drop(self, environment: int) -> None:
        """An episode that goes on is not counted."""
        self.left_out += self._running.pop(environment, None) is not None


def summarise(episodes: Sequence[Episode]) -> dict[str, float]:
    """Numbers of at least one episode: how many, mean, standard deviation (of the sample; 0 for one), extremes, reward a step."""
    rewards = [episode.reward for episode in episodes]
    mean = sum(rewards) / len(rewards)
    variance = sum((reward - mean) ** 2 for reward in rewards) / max(len(rewards) - 1, 1)
    steps = sum(episode.steps for episode in episodes)
    return {
        'episodes': len(rewards), 'mean': mean, 'std': math.sqrt(variance), 'lowest': min(rewards), 'highest': max(rewards),
        'steps': steps, 'reward_per_step': sum(rewards) / steps,
    }
