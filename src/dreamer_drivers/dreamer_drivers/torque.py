"""Keeps the torque |kp (s - q) - kd qd| of a joint's controller within a bound: set-point s, measured q (rad) and qd (rad/s).

All arrays are (J,), or numbers.
"""

from __future__ import annotations

import numpy as np

from dreamer_drivers.command import Measurement

STANDING = 1e-9
"""rad/s below which a joint stands."""


def setpoint_range(limit: np.ndarray, kp: np.ndarray, kd: np.ndarray, measured: Measurement) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest set-point (rad) that keep the bound `limit` (Nm); infinite where there is no bound or no stiffness."""
    stiff = (kp > 0) & np.isfinite(limit)
    gain = np.where(stiff, kp, 1.0)
    drag = kd * measured.velocity
    low = np.where(stiff, measured.position + (drag - limit) / gain, -np.inf)
    high = np.where(stiff, measured.position + (drag + limit) / gain, np.inf)
    return low, high


def bounded_kd(limit: np.ndarray, push: np.ndarray, kd: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """kd, or less where braking alone would pass the bound: where other bounds keep the set-point from following the motion.

    Args:
        limit: Nm.
        push: Nm, kp (s - q).
        kd: Nm s/rad.
        speed: rad/s, qd.
    """
    allowed = np.maximum(limit + np.sign(speed) * push, 0.0)
    return np.minimum(kd, allowed / np.maximum(np.abs(speed), STANDING))
