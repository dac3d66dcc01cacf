"""What a reward function sees."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass
class RewardState:
    """The robot at one step.

    Attributes:
        position: (J,) joint angles in the robot's order, rad.
        rotation: (3, 3) body to world.
        velocity: (3,) of the base in the world frame, m/s.
        lower, upper: (J,) ends of the joint ranges that actions -1 and 1 stand for, rad.
    """

    position: np.ndarray
    rotation: np.ndarray
    velocity: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def normalised_position(self) -> np.ndarray:
        """Joint angles (J,) in units of the action: -1 at `lower` and below, 1 at `upper` and above."""
        # Half the time of np.clip.
        return np.minimum(np.maximum(2.0 * (self.position - self.lower) / (self.upper - self.lower) - 1.0, -1.0), 1.0)
