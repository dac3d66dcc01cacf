"""Angles that jump: left out once, not believed where they jump again and again."""

import math

import numpy as np
import pytest
from gate_fixture import POSE, act, make_gate, measure

from dreamer_drivers.causes import Cause
from dreamer_drivers.command import Measurement, Mode
from dreamer_drivers.gate import SafetyGate
from dreamer_drivers.jumps import JumpWatch

TICK = 0.01
"""s between two readings."""
AWAY = (0.9, -0.5)
"""0.8 rad from POSE; at 5 rad/s twice the speed and the margin allow 0.3 rad in a tick."""


@pytest.fixture
def gate() -> SafetyGate:
    """At work since 0 s."""
    gate = make_gate(speed=5.0)
    assert act(gate, 0.0).accepted
    return gate


@pytest.mark.parametrize(('speed', 'interval', 'distance', 'believed'), [
    (5.0, 0.01, 0.29, True), (5.0, 0.01, 0.31, False), (5.0, 0.1, 1.19, True), (5.0, 0.1, -1.21, False),
    (5.0, 0.0, 0.19, True), (5.0, 0.0, 0.21, False), (math.inf, 0.01, 9.0, True), (math.inf, 0.0, 9.0, True),
])
def test_a_joint_moves_twice_as_fast_as_it_can_and_a_margin_at_most(
        speed: float, interval: float, distance: float, believed: bool) -> None:
    watch = JumpWatch(np.array([5.0, speed]))
    zeros = np.zeros(2)
    assert watch.update(Measurement(1.0, zeros, zeros)) == ''
    fault = watch.update(Measurement(1.0 + interval, np.array([0.0, distance]), zeros))
    assert fault == ('' if believed else f'number 1 went from 0 to {distance:.3g} rad within {interval:.3g} s')


def test_one_reading_that_jumps_is_left_out(gate: SafetyGate) -> None:
    verdict = measure(gate, TICK, AWAY)
    assert (verdict.cause, verdict.detail) == (Cause.SENSOR_JUMP, 'number 0 went from 0.1 to 0.9 rad within 0.01 s')
    assert gate.command(TICK).mode is Mode.ACTIVE
    assert measure(gate, 2 * TICK).accepted
    assert act(gate, 0.05).accepted
    assert gate.refused[Cause.SENSOR_JUMP] == 1


def test_two_robots_on_one_topic_damp_until_one_is_left(gate: SafetyGate) -> None:
    for tick in range(1, 10):
        measure(gate, tick * TICK, AWAY if tick % 2 else POSE)
    assert gate.command(0.1).mode is Mode.DAMP
    assert gate.submit(np.zeros(2, np.float32), 0.1, 0.1).cause is Cause.SENSOR_JUMP
    # From now on only the one that is away, which is now compared with itself.
    for tick in range(10, 109):
        measure(gate, tick * TICK, AWAY)
        assert gate.submit(np.zeros(2, np.float32), tick * TICK, tick * TICK).cause is Cause.SENSOR_JUMP, tick
    measure(gate, 1.10, AWAY)
    assert gate.submit(np.zeros(2, np.float32), 1.10, 1.10).accepted
    assert gate.command(1.10).position == pytest.approx(AWAY)
    assert not gate.command(1.10).kp.any()


def test_jumps_now_and_then_are_no_second_robot(gate: SafetyGate) -> None:
    for tick in range(1, 300):
        measure(gate, tick * TICK, AWAY if tick % 30 == 0 else POSE)
        if tick % 5 == 0:
            gate.submit(np.zeros(2, np.float32), tick * TICK, tick * TICK)
    assert gate.refused[Cause.SENSOR_JUMP] == 9
    assert gate.command(3.0).mode is Mode.ACTIVE


def test_a_clock_that_goes_back_forgets_where_the_joints_were(gate: SafetyGate) -> None:
    measure(gate, 10.0)
    assert measure(gate, 5.0, AWAY).accepted
