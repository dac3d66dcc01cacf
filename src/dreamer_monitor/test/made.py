"""Observations for the tests."""

from __future__ import annotations

import numpy as np

from dreamer_node.wire import Step


def made(step: int, reward: float = 1.0, stream: int = 7, length: int = 10, environments: int = 1) -> Step:
    """Step `step` of episodes of `length` steps at 20 Hz; reward 0 where an episode begins."""
    first, last = step % length == 0, step % length == length - 1
    return Step(
        stream, step, 100.0 + step * 0.05, {}, np.full(environments, 0.0 if first else reward, np.float32),
        np.full(environments, first), np.full(environments, last), np.zeros(environments, bool),
    )
