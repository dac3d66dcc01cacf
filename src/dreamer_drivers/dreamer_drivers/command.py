"""What goes into the safety gate and what comes out of it. J joints, in the order of the robot's `joints`."""

from __future__ import annotations

import dataclasses
import enum

import numpy as np


class Mode(enum.IntEnum):
    """What a command is for; the numbers of dreamer_interfaces/JointCommand."""

    ACTIVE = 0
    HOLD = 1
    DAMP = 2


@dataclasses.dataclass(slots=True)
class Measurement:
    """The joints at one time.

    Attributes:
        stamp: s.
        position: (J,) rad.
        velocity: (J,) rad/s.
    """

    stamp: float
    position: np.ndarray
    velocity: np.ndarray


@dataclasses.dataclass(slots=True)
class GateCommand:
    """Set-points for the joint controllers: effort + kp (set-point - q) + kd (velocity - qd).

    Attributes:
        position: (J,) rad, reached linearly within `duration` from the present set-point.
        velocity: (J,) rad/s.
        effort: (J,) Nm, feed-forward.
        kp: (J,) Nm/rad.
        kd: (J,) Nm s/rad.
        duration: s.
        max_deviation: rad, the set-point never leads the measured angle by more; 0 = no bound.
    """

    mode: Mode
    position: np.ndarray
    velocity: np.ndarray
    effort: np.ndarray
    kp: np.ndarray
    kd: np.ndarray
    duration: float
    max_deviation: float
