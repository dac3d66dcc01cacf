"""Actions while there is no policy yet."""

from __future__ import annotations

import numpy as np

from dreamer_learning.spaces import ActionSpec

HOLD_SECONDS = 0.75
"""Mean time for which a random action is held. A driver's low-pass lets nothing of white noise through: a robot that gets a
new random action at every step only trembles around the middle of its range."""


class RandomPolicy:
    """Random actions that a robot can follow, repeatable from a seed.

    Continuous actions are drawn from the arcsine distribution on [-1, 1], which favours the ends of the range, and each
    environment holds its action for a geometrically distributed number of steps. Discrete ones are uniform at every step.

    Args:
        control_rate: steps per second, Hz.
    """

    def __init__(self, action: ActionSpec, seed: int, control_rate: float) -> None:
        self._action = action
        self._generator = np.random.default_rng(seed)
        self._change = min(1.0, 1.0 / (HOLD_SECONDS * control_rate))
        self._held: np.ndarray | None = None

    def act(self, environments: int) -> np.ndarray:
        """float32 (E, A) in [-1, 1], or int32 (E,) below A for discrete actions."""
        if self._action.discrete:
            return self._generator.integers(0, self._action.size, environments, np.int32)
        fresh = np.sin(np.pi * (self._generator.random((environments, self._action.size)) - 0.5)).astype(np.float32)
        change = self._generator.random(environments) < self._change
        if self._held is None or len(self._held) != environments:
            self._held = fresh
        else:
            self._held = np.where(change[:, None], fresh, self._held)
        return self._held
