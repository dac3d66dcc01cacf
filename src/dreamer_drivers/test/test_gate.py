import math
from typing import Any

import numpy as np
import pytest
from gate_fixture import LOWER, PERIOD, POSE, UPPER, act, make_gate, measure

from dreamer_drivers.command import Mode
from dreamer_drivers.gate import Cause, Event, SafetyGate
from dreamer_drivers.lowpass import butterworth


def started(**values: Any) -> SafetyGate:
    """A gate that has had its first action at 0 s."""
    gate = make_gate(**values)
    assert act(gate, 0.0).accepted
    return gate


# ---- scaling, filter, limits


@pytest.mark.parametrize(('action', 'angles'), [
    ((-1, -1), (-0.8, -1.0)),
    ((1, 1), (0.8, 1.5)),
    ((0, 0), (0.0, 0.25)),
    ((0.5, -0.5), (0.4, -0.375)),
])
def test_actions_mean_fractions_of_the_range(action: tuple, angles: tuple) -> None:
    gate = started()
    act(gate, PERIOD, action)
    command = gate.command(PERIOD)
    assert command.mode is Mode.ACTIVE
    assert command.position == pytest.approx(angles)
    assert (command.duration, command.max_deviation) == (PERIOD, 0.2)
    assert command.velocity.tolist() == command.effort.tolist() == [0, 0]


def test_filter_works_on_desired_angles_and_starts_at_the_measured_pose() -> None:
    gate = started(cutoff=1.5)
    assert gate.command(0.0).position == pytest.approx(POSE)
    act(gate, PERIOD, (1, 1))
    b, a = butterworth(1.5, 20.0)
    rise = np.array([0.8, 1.5]) - POSE
    assert gate.command(PERIOD).position == pytest.approx(POSE + b[0] * rise)
    act(gate, 2 * PERIOD, (1, 1))
    assert gate.command(2 * PERIOD).position == pytest.approx(POSE + (b[0] + b[1] - a[1] * b[0]) * rise)


def test_action_that_means_the_measured_pose_gives_no_motion() -> None:
    gate = started(cutoff=1.5)
    same = np.array([0.1 / 0.8, (-0.5 - 0.25) / 1.25])
    for step in range(1, 60):
        act(gate, step * PERIOD, same)
        assert gate.command(step * PERIOD).position == pytest.approx(POSE, abs=1e-6)


def test_targets_stay_within_joint_limits() -> None:
    # The filter overshoots by about 4 percent: 0.8 -> -0.8 leaves limits of 0.82.
    gate = make_gate(cutoff=1.5, upper=np.array([0.82, 2.0]), lower=np.array([-0.82, -2.0]))
    positions = []
    for step in range(60):
        act(gate, step * PERIOD, (1, 0) if step < 30 else (-1, 0))
        positions.append(gate.command(step * PERIOD).position[0])
    assert min(positions) == -0.82
    assert gate.events[Event.CLIPPED_LIMIT] > 0


def test_action_outside_the_unit_range_is_clipped_and_counted() -> None:
    gate = started()
    act(gate, PERIOD, (1.0005, -1.0005))
    assert gate.events[Event.CLIPPED_ACTION] == 0
    assert gate.command(PERIOD).position == pytest.approx([0.8, -1.0])
    assert act(gate, 2 * PERIOD, (1e30, -7)).accepted
    assert gate.events[Event.CLIPPED_ACTION] == 1
    assert gate.command(2 * PERIOD).position == pytest.approx([0.8, -1.0])


# ---- refusals


@pytest.mark.parametrize(('action', 'cause'), [
    (np.array([0.0, np.nan], np.float32), Cause.NOT_FINITE),
    (np.array([np.inf, 0.0], np.float32), Cause.NOT_FINITE),
    (np.zeros(3, np.float32), Cause.WRONG_SHAPE),
    (np.zeros((1, 2), np.float32), Cause.WRONG_SHAPE),
    (np.zeros(0, np.float32), Cause.WRONG_SHAPE),
    (np.zeros(2, np.int32), Cause.WRONG_TYPE),
])
def test_bad_actions_are_refused_counted_and_held(action: np.ndarray, cause: Cause) -> None:
    gate = started()
    act(gate, PERIOD, (1, 1))
    measure(gate, 2 * PERIOD)
    verdict = gate.submit(action, 2 * PERIOD, 2 * PERIOD)
    assert (verdict.accepted, verdict.cause) == (False, cause)
    assert gate.refused == {cause: 1}
    command = gate.command(2 * PERIOD)
    assert command.mode is Mode.HOLD
    assert command.position == pytest.approx([0.8, 1.5])


def test_refused_in_the_middle_of_a_ramp_holds_where_the_ramp_is() -> None:
    gate = started(max_deviation=0.0)
    act(gate, PERIOD, (1, 1))
    gate.refuse(Cause.MALFORMED, 1.5 * PERIOD)
    middle = (POSE + [0.8, 1.5]) / 2
    assert gate.command(2 * PERIOD).position == pytest.approx(middle)


def test_action_before_any_measurement() -> None:
    gate = make_gate()
    assert gate.submit(np.zeros(2, np.float32), 0.0, 0.0).cause is Cause.NO_SENSOR_DATA
    command = gate.command(0.0)
    assert command.mode is Mode.DAMP
    assert np.isfinite(command.position).all()


@pytest.mark.parametrize(('stamp', 'now', 'cause'), [
    (1.0, 1.2, None),
    (1.0, 1.201, Cause.STALE_ACTION),
    (1.2, 1.0, None),
    (1.3, 1.0, Cause.FUTURE_ACTION),
    (math.nan, 1.0, Cause.STALE_ACTION),
])
def test_age_of_actions(stamp: float, now: float, cause: Cause | None) -> None:
    gate = make_gate(max_action_age=0.2001)
    measure(gate, now)
    assert gate.submit(np.zeros(2, np.float32), stamp, now).cause is cause


@pytest.mark.parametrize('offset', [0.25, -0.25])
def test_measurements_of_another_time_are_no_base_for_motion(offset: float) -> None:
    gate = make_gate()
    measure(gate, 1.0)
    now = 1.0 + offset
    assert gate.submit(np.zeros(2, np.float32), now, now).cause is Cause.STALE_SENSOR


def test_late_answers_are_counted_as_deadline_misses() -> None:
    gate = started()
    measure(gate, 0.1)
    assert gate.submit(np.zeros(2, np.float32), 0.1, 0.14).accepted
    assert gate.events[Event.DEADLINE_MISS] == 0
    assert gate.submit(np.zeros(2, np.float32), 0.1, 0.16).accepted
    assert gate.events[Event.DEADLINE_MISS] == 1


def test_bad_measurements_are_refused_and_the_last_good_one_stays() -> None:
    gate = make_gate()
    assert measure(gate, 1.0).accepted
    assert measure(gate, 1.01, (np.nan, 0.0)).cause is Cause.BAD_SENSOR
    assert measure(gate, 1.01, (0.0, 0.0), (0.0, np.inf)).cause is Cause.BAD_SENSOR
    assert measure(gate, 0.99, (0.0, 0.0)).cause is Cause.LATE_SENSOR
    assert gate.command(1.0).position == pytest.approx(POSE)
    assert gate.refused == {Cause.BAD_SENSOR: 2, Cause.LATE_SENSOR: 1}


def test_measured_far_outside_the_limits_damps() -> None:
    gate = started()
    outside = (UPPER[0] + 0.21, 0.0)
    measure(gate, PERIOD, outside)
    assert gate.command(PERIOD).mode is Mode.DAMP
    assert act(gate, PERIOD, position=outside).cause is Cause.OUTSIDE_LIMITS
    assert act(gate, 2 * PERIOD, position=(UPPER[0] + 0.19, 0.0)).accepted
    assert gate.command(2 * PERIOD).position[0] == UPPER[0]


# ---- hold, damp, soft start


def test_hold_after_200_ms_and_damp_after_one_second_without_an_action() -> None:
    gate = started()
    act(gate, PERIOD, (1, 1))
    for now, mode in [(0.2, Mode.ACTIVE), (0.249, Mode.ACTIVE), (0.251, Mode.HOLD), (1.049, Mode.HOLD), (1.051, Mode.DAMP)]:
        measure(gate, now)
        command = gate.command(now)
        assert command.mode is mode, now
        if mode is Mode.HOLD:
            assert command.position == pytest.approx([0.8, 1.5])
            assert (command.kp > 0).all()
    assert command.kp.tolist() == [0, 0]
    assert command.kd.tolist() == [3, 4]
    assert command.position == pytest.approx(POSE)
    assert gate.events[Event.HOLD] == gate.events[Event.DAMP] == 1


def test_silent_sensors_hold_and_damp_too() -> None:
    gate = started()
    for step in range(1, 30):
        now = step * PERIOD
        gate.submit(np.zeros(2, np.float32), now, now)
        expected = Mode.ACTIVE if now <= 0.2001 else Mode.HOLD if now <= 1.0 else Mode.DAMP
        if abs(now - 0.2) > 1e-6 and abs(now - 1.0) > 1e-6:
            assert gate.command(now).mode is expected, now
    assert gate.refused[Cause.STALE_SENSOR] > 10


def test_a_standing_clock_never_holds() -> None:
    gate = started()
    assert all(gate.command(0.0).mode is Mode.ACTIVE for _ in range(100))


def test_soft_start_raises_kp_and_first_targets_the_measured_pose() -> None:
    gate = make_gate(soft_start=0.5)
    act(gate, 0.0, (1, 1))
    first = gate.command(0.0)
    assert first.mode is Mode.ACTIVE
    assert first.position == pytest.approx(POSE)
    assert first.kp.tolist() == [0, 0]
    assert first.kd.tolist() == [1, 2]
    for step in range(1, 15):
        now = step * PERIOD
        act(gate, now, (1, 1))
        assert gate.command(now).kp == pytest.approx(np.array([80, 40]) * min(now / 0.5, 1))


def test_soft_start_of_zero_seconds_has_full_gains_at_once() -> None:
    gate = started(soft_start=0.0)
    assert gate.command(0.0).kp.tolist() == [80, 40]
    assert gate.command(0.0).position == pytest.approx(POSE)


def test_after_a_hold_the_filter_starts_from_the_measured_pose_with_full_gains() -> None:
    gate = make_gate(cutoff=1.5)
    for step in range(40):
        act(gate, step * PERIOD, (1, 1))
    now = 39 * PERIOD + 0.3
    moved = np.array([0.5, 0.5])
    measure(gate, now, moved)
    assert gate.command(now).mode is Mode.HOLD
    act(gate, now, (1, 1), moved)
    b, _ = butterworth(1.5, 20.0)
    command = gate.command(now)
    assert command.mode is Mode.ACTIVE
    assert command.position == pytest.approx(moved + b[0] * (np.array([0.8, 1.5]) - moved))
    assert command.kp.tolist() == [80, 40]


def test_after_a_damp_the_soft_start_begins_again() -> None:
    gate = started()
    for step in range(1, 40):
        act(gate, step * PERIOD, (1, 1))
    now = 39 * PERIOD + 1.1
    moved = np.array([0.5, 0.5])
    measure(gate, now, moved)
    assert gate.command(now).mode is Mode.DAMP
    act(gate, now, (1, 1), moved)
    assert gate.command(now).position == pytest.approx(moved)
    assert gate.command(now).kp.tolist() == [0, 0]


def test_reset_damps_until_the_next_action_and_primes_again() -> None:
    gate = started()
    act(gate, PERIOD, (1, 1))
    gate.reset()
    assert gate.command(PERIOD).mode is Mode.DAMP
    act(gate, 2 * PERIOD, (1, 1), (0.5, 0.5))
    assert gate.command(2 * PERIOD).position == pytest.approx([0.5, 0.5])
    assert gate.command(2 * PERIOD).kp.tolist() == [0, 0]


def test_a_repeated_command_is_the_same_command() -> None:
    gate = started()
    act(gate, PERIOD, (1, 1))
    first, second = gate.command(PERIOD), gate.command(PERIOD + 0.1)
    assert first.position.tolist() == second.position.tolist()
    assert first.kp.tolist() == second.kp.tolist()


@pytest.mark.parametrize('by', ['clock', 'sensor'])
def test_a_clock_that_jumps_back_starts_anew(by: str) -> None:
    gate = make_gate()
    for step in range(100):
        act(gate, 100 + step * PERIOD, (1, 1))
    if by == 'clock':
        assert gate.command(3.0).mode is Mode.DAMP
    else:
        assert measure(gate, 3.0, (0.5, 0.5)).accepted
        assert gate.command(3.0).mode is Mode.DAMP
    assert gate.events[Event.CLOCK_JUMP] == 1
    assert act(gate, 3.0, (1, 1), (0.5, 0.5)).accepted
    assert gate.command(3.0).position == pytest.approx([0.5, 0.5])
    assert gate.command(3.0).kp.tolist() == [0, 0]
    assert gate.events[Event.CLOCK_JUMP] == 1


# ---- emergency stop, fall


def test_emergency_stop_latches_until_it_is_cleared() -> None:
    gate = started()
    act(gate, PERIOD, (1, 1))
    gate.emergency_stop(True)
    assert gate.stopped
    command = gate.command(PERIOD)
    assert command.mode is Mode.DAMP
    assert command.kp.tolist() == [0, 0]
    assert (command.kd > 0).all()
    assert act(gate, 2 * PERIOD).cause is Cause.EMERGENCY_STOP
    assert not gate.clear_emergency_stop()
    gate.emergency_stop(False)
    assert act(gate, 3 * PERIOD).cause is Cause.EMERGENCY_STOP
    assert gate.command(3 * PERIOD).mode is Mode.DAMP
    gate.reset()
    assert act(gate, 4 * PERIOD).cause is Cause.EMERGENCY_STOP
    assert gate.clear_emergency_stop()
    assert gate.command(4 * PERIOD).mode is Mode.DAMP
    assert act(gate, 5 * PERIOD, (1, 1), (0.5, 0.5)).accepted
    assert gate.command(5 * PERIOD).position == pytest.approx([0.5, 0.5])
    assert gate.command(5 * PERIOD).kp.tolist() == [0, 0]


def test_emergency_stop_outlives_a_jump_of_the_clock() -> None:
    gate = started()
    act(gate, 50.0)
    gate.emergency_stop(True)
    gate.emergency_stop(False)
    assert act(gate, 1.0).cause is Cause.EMERGENCY_STOP
    assert gate.command(1.0).mode is Mode.DAMP


def test_a_bad_action_does_not_end_an_emergency_stop() -> None:
    gate = started()
    gate.emergency_stop(True)
    assert act(gate, PERIOD, (np.nan, 0)).cause is Cause.NOT_FINITE
    assert gate.command(PERIOD).mode is Mode.DAMP


def test_a_fall_damps_until_the_robot_is_upright() -> None:
    gate = started(fall_angle=1.0)
    gate.tilt(0.5, -0.9)
    assert act(gate, PERIOD).accepted
    gate.tilt(0.0, -1.1)
    assert gate.command(PERIOD).mode is Mode.DAMP
    assert act(gate, 2 * PERIOD).cause is Cause.FALLEN
    gate.tilt(math.nan, 0.0)
    assert act(gate, 3 * PERIOD).cause is Cause.FALLEN
    gate.tilt(0.1, 0.1)
    assert act(gate, 4 * PERIOD).accepted


def test_without_a_fall_angle_a_robot_may_lie_on_its_back() -> None:
    gate = started()
    gate.tilt(math.pi, 0.0)
    assert act(gate, PERIOD).accepted


# ---- interpolation by the gate (command_rate)


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


def test_joint_limits_win_over_the_torque_bound() -> None:
    # 4 Nm allow the hip set-points up to -1.1 + 4 / 80 = -1.05, all outside the limits.
    gate = started(command_rate=200.0, torque=4.0, soft_start=0.0)
    outside = (LOWER[0] - 0.1, 0.0)
    act(gate, PERIOD, (0, 0), outside)
    assert gate.command(2 * PERIOD).position[0] == LOWER[0]
