"""Reward of the task a1_walk: stand up, then walk forward [DayDreamer, Wu et al. 2022, section 4; released code]."""

from __future__ import annotations

import math

import numpy as np

from dreamer_learning.config import ConfigError
from dreamer_sensing.rewards.state import RewardState

STANDING = np.array([0.0, -0.2, 1.0])
"""Hip, shoulder and knee of each leg when standing, in units of the action."""

LARGEST = 1.0 + np.abs(STANDING)
"""The largest possible deviation from that, in the same units."""

GATE = 0.7
"""A part counts only when the part before it is above this."""

SPEED = 0.3
"""Forward speed of full reward, m/s."""


def a1_walk(state: RewardState) -> tuple[float, dict[str, float]]:
    """Total in [0, 14] and its parts: lying on the back 5, standing still 9, walking forward at 0.3 m/s 14.

    Up and heading are the body's z and x axes in the world (the heading without its vertical part), deviations from the
    standing pose are relative to the largest possible one, and [.] is 1 where true:
        upright  = up_z / 2 + 1/2
        hip      = [upright > 0.7] (1 - mean deviation of the hips)
        shoulder = [hip > 0.7] (1 - mean deviation of the shoulders)
        knee     = [shoulder > 0.7] (1 - mean deviation of the knees)
        velocity = [knee > 0.7] max(0, forward) / |v| clip(forward / 0.3, -1, 1)
        total    = upright + hip + shoulder + knee + 10 (velocity + 1) / 2
    Joints are ordered hip, shoulder, knee leg by leg.

    Raises:
        ConfigError: the number of joints is not a multiple of three.
    """
    if len(state.position) % 3:
        raise ConfigError(f"reward 'a1_walk': {len(state.position)} joints; it needs three for each leg")
    deviation = np.abs(state.normalised_position().reshape(-1, 3) - STANDING) / LARGEST
    hip_close, shoulder_close, knee_close = 1.0 - np.minimum(deviation, 1.0).sum(axis=0) / len(deviation)

    upright = float(state.rotation[2, 2]) / 2.0 + 0.5
    hip = float(hip_close) if upright > GATE else 0.0
    shoulder = float(shoulder_close) if hip > GATE else 0.0
    knee = float(knee_close) if shoulder > GATE else 0.0
    velocity = _velocity_part(state) if knee > GATE else 0.0
    parts = {'upright': upright, 'hip': hip, 'shoulder': shoulder, 'knee': knee, 'velocity': velocity}
    return upright + hip + shoulder + knee + 5.0 * (velocity + 1.0), parts


def _velocity_part(state: RewardState) -> float:
    vx, vy, vz = (float(value) for value in state.velocity)
    speed = math.sqrt(vx * vx + vy * vy + vz * vz)
    # The published quotient is 0/0 at rest.
    if speed == 0.0:
        return 0.0
    forward = vx * float(state.rotation[0, 0]) + vy * float(state.rotation[1, 0])
    return max(0.0, forward) / speed * min(1.0, max(-1.0, forward / SPEED))
