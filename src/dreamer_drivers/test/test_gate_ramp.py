"""The safety gate with a command_rate: it interpolates itself."""

import numpy as np
import pytest
from gate_fixture import LOWER, PERIOD, POSE, act, measure, started

from dreamer_drivers.causes import Event
from dreamer_drivers.command import Mode


def test_ramp_over_the_control_period() -> None:
    gate = started(command_rate=200.0, max_deviation=0.0)
    assert gate.command(0.0).position == pytest.approx(POSE)
    act(gate, PERIOD, (1, 1))
    rise = np.array([0.8, 1.5]) - POSE
    for tick in range(20):
        command = gate.command(PERIOD + tick * 0.005)
        assert command.position == pytest.approx(POSE + rise * min(tick / 10, 1))
        assert command.duration == 0.005


def test_ramp_begins_where_the_last_one_is() -> None:
    gate = started(command_rate=200.0, max_deviation=0.0)
    act(gate, PERIOD, (1, 1))
    act(gate, PERIOD + 0.025, (-1, -1))
    middle = (POSE + [0.8, 1.5]) / 2
    assert gate.command(PERIOD + 0.025).position == pytest.approx(middle)
    assert gate.command(PERIOD + 0.05).position == pytest.approx((middle + [-0.8, -1.0]) / 2)


def test_setpoints_stay_near_the_measured_angle() -> None:
    gate = started(command_rate=200.0)
    act(gate, PERIOD, (1, -1))
    assert gate.command(2 * PERIOD).position == pytest.approx([0.3, -0.7])
    assert gate.events[Event.CLIPPED_DEVIATION] == 1
    measure(gate, 2 * PERIOD, (0.25, -0.75))
    assert gate.command(2 * PERIOD).position == pytest.approx([0.45, -0.95])


def test_hold_follows_a_robot_that_is_pushed_away() -> None:
    gate = started(command_rate=200.0)
    measure(gate, 0.3, (0.7, -0.5))
    command = gate.command(0.3)
    assert command.mode is Mode.HOLD
    assert command.position == pytest.approx([0.5, -0.5])


def test_kp_rises_between_actions() -> None:
    gate = started(command_rate=200.0)
    assert gate.command(0.03).kp == pytest.approx([80 * 0.03, 40 * 0.03])


def test_estimated_torque_is_bounded() -> None:
    # Hip: |80 (s - 0.1) - 1 * 2| <= 4 allows s from 0.075 to 0.175; the knee has no bound but the deviation.
    gate = started(command_rate=200.0, torque=4.0, soft_start=0.0)
    act(gate, PERIOD, (1, 1))
    measure(gate, 2 * PERIOD, POSE, (2.0, 0.0))
    assert gate.command(2 * PERIOD).position == pytest.approx([0.175, -0.3])
    act(gate, 2 * PERIOD, (-1, 1))
    measure(gate, 3 * PERIOD, POSE, (2.0, 0.0))
    assert gate.command(3 * PERIOD).position == pytest.approx([0.075, -0.3])
    assert gate.events[Event.CLIPPED_TORQUE] == 2


@pytest.mark.parametrize('speed', [20.0, -20.0])
@pytest.mark.parametrize('soft_start', [0.0, 1.0])
def test_braking_a_fast_joint_keeps_the_torque_bound_too(speed: float, soft_start: float) -> None:
    # The set-point that would follow the hip is 20 / 80 rad away, beyond the deviation of 0.2; kd 1 alone would brake with 20 Nm.
    gate = started(command_rate=200.0, torque=2.0, soft_start=soft_start)
    act(gate, PERIOD, (0, 0))
    measure(gate, 2 * PERIOD, POSE, (speed, speed))
    command = gate.command(2 * PERIOD)
    torque = command.kp * (command.position - POSE) - command.kd * speed
    assert abs(torque[0]) <= 2.0 + 1e-9
    assert command.kd[0] < 1.0
    assert command.kd[1] == 2.0
    measure(gate, 2 * PERIOD, POSE, (0.5, 0.0))
    assert gate.command(2 * PERIOD).kd == pytest.approx([1.0, 2.0])


def test_damping_a_fast_joint_keeps_the_torque_bound_too() -> None:
    # Damping 3 and 4 Nm s/rad; the hip's bound is 2 Nm, the knee has none.
    gate = started(command_rate=200.0, torque=2.0)
    measure(gate, PERIOD, POSE, (20.0, 20.0))
    gate.emergency_stop(True)
    assert gate.command(PERIOD).kd == pytest.approx([0.1, 4.0])
    measure(gate, 2 * PERIOD, POSE, (-0.5, 0.0))
    assert gate.command(2 * PERIOD).kd == pytest.approx([3.0, 4.0])


def test_joint_limits_win_over_the_torque_bound() -> None:
    # 4 Nm allow the hip set-points up to -1.1 + 4 / 80 = -1.05, all outside the limits.
    gate = started(command_rate=200.0, torque=4.0, soft_start=0.0)
    outside = (LOWER[0] - 0.1, 0.0)
    act(gate, PERIOD, (0, 0), outside)
    assert gate.command(2 * PERIOD).position[0] == LOWER[0]
