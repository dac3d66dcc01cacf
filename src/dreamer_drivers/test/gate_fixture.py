"""A robot of two joints with round numbers, for the gate's tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from dreamer_drivers.causes import Verdict
from dreamer_drivers.command import Measurement
from dreamer_drivers.config import DriverConfig, JointGroup, gate_config
from dreamer_drivers.gate import SafetyGate
from dreamer_learning.robots import ActionRange

LOWER, UPPER = np.array([-1.0, -2.0]), np.array([1.0, 2.0])
"""Joint limits, rad."""
POSE = np.array([0.1, -0.5])
PERIOD = 0.05
"""s; actions come at 20 Hz."""


def make_gate(
    command_rate: float = 0.0, torque: float = 0.0, lower: np.ndarray = LOWER, upper: np.ndarray = UPPER, speed: float = np.inf,
    **values: Any
) -> SafetyGate:
    """The actions -1 and 1 mean -0.8 and 0.8 rad for 'hip', -1 and 1.5 rad for 'knee'; no low-pass unless it is given."""
    ranges = {'hip': ActionRange(-1.0, 1.0, (0.1, 0.9)), 'knee': ActionRange(-2.0, 2.0, (0.25, 0.875))}
    groups = {
        'hip': JointGroup('hip', kp=80.0, kd=1.0, damping=3.0, max_torque=torque),
        'knee': JointGroup('knee', kp=40.0, kd=2.0, damping=4.0),
    }
    values = {'cutoff': 0.0, 'max_deviation': 0.2, 'soft_start': 1.0} | values
    config = DriverConfig('robot.urdf', 'base', ['hip', 'knee'], ranges, groups, **values)
    return SafetyGate(gate_config(config, 1 / PERIOD, command_rate), lower, upper, np.full(2, speed))


def measure(gate: SafetyGate, now: float, position: Any = POSE, velocity: Any = (0.0, 0.0)) -> Verdict:
    return gate.measure(Measurement(now, np.array(position, float), np.array(velocity, float)))


def act(gate: SafetyGate, now: float, action: Any = (0.0, 0.0), position: Any = POSE) -> Verdict:
    """Measure and submit at one time."""
    measure(gate, now, position)
    return gate.submit(np.array(action, np.float32), now, now)


def started(**values: Any) -> SafetyGate:
    """A gate that has had its first action at 0 s."""
    gate = make_gate(**values)
    assert act(gate, 0.0).accepted
    return gate
