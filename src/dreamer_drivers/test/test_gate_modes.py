"""The safety gate: when it holds and damps, and how motion begins again."""

import math

import numpy as np
import pytest
from gate_fixture import PERIOD, POSE, act, make_gate, measure, started

from dreamer_drivers.causes import Cause, Event
from dreamer_drivers.command import Mode
from dreamer_drivers.lowpass import butterworth

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


def test_the_hold_counts_from_the_arrival_of_the_action() -> None:
    gate = started()
    measure(gate, 0.15)
    assert gate.submit(np.zeros(2, np.float32), 0.05, 0.15).accepted
    measure(gate, 0.34)
    assert gate.command(0.34).mode is Mode.ACTIVE
    assert gate.command(0.36).mode is Mode.HOLD


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


def test_after_a_hold_motion_goes_on_from_where_the_motors_hold_with_full_gains() -> None:
    gate = make_gate(cutoff=1.5)
    for step in range(40):
        act(gate, step * PERIOD, (1, 1))
    now = 39 * PERIOD + 0.3
    # Held at 0.8 and 1.5: the hip is that far off under its load, the knee was pushed away by more than is bridged.
    measured, held = np.array([0.65, 0.5]), np.array([0.8, 0.7])
    measure(gate, now, measured)
    assert gate.command(now).mode is Mode.HOLD
    act(gate, now, (-1, -1), measured)
    b, _ = butterworth(1.5, 20.0)
    command = gate.command(now)
    assert command.mode is Mode.ACTIVE
    assert command.position == pytest.approx(held + b[0] * (np.array([-0.8, -1.0]) - held), abs=1e-3)
    assert command.kp.tolist() == [80, 40]


def test_refused_actions_do_not_let_a_loaded_joint_sink() -> None:
    # Its load holds the hip 0.15 rad below its set-point; every other action cannot be used.
    gate = make_gate(cutoff=1.5)
    measured = np.array([0.65, 1.35])
    for step in range(200):
        measure(gate, step * PERIOD, measured)
        action = np.full(2, np.nan if step > 100 and step % 2 else 1.0, np.float32)
        gate.submit(action, step * PERIOD, step * PERIOD)
        if step > 60:
            assert gate.command(step * PERIOD).position == pytest.approx([0.8, 1.5], abs=1e-3)
    assert gate.refused[Cause.NOT_FINITE] == 50


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


@pytest.mark.parametrize('by', ['reset', 'stop'])
def test_the_first_action_after_damping_may_be_soon_and_moves_nothing(by: str) -> None:
    gate = started(soft_start=0.0)
    act(gate, PERIOD, (1, 1))
    if by == 'reset':
        gate.reset()
    else:
        gate.emergency_stop(True)
        gate.emergency_stop(False)
        gate.clear_emergency_stop()
    assert act(gate, PERIOD, (1, 1)).accepted
    assert gate.command(PERIOD).position == pytest.approx(POSE)
    assert act(gate, PERIOD, (1, 1)).cause is Cause.TOO_SOON


def test_a_hold_in_between_does_not_let_actions_come_sooner() -> None:
    gate = started()
    assert act(gate, PERIOD, (np.nan, 0)).cause is Cause.NOT_FINITE
    assert act(gate, 0.02).cause is Cause.TOO_SOON
    assert act(gate, PERIOD).accepted


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


def test_measurements_of_the_new_time_that_come_before_its_clock_are_kept() -> None:
    gate = started()
    act(gate, 100.0)
    assert measure(gate, 3.0, (0.5, 0.5)).accepted
    assert gate.command(100.02).mode is Mode.DAMP
    assert gate.submit(np.zeros(2, np.float32), 3.0, 3.0).accepted
    assert gate.command(3.0).position == pytest.approx([0.5, 0.5])


def test_a_clock_that_creeps_back_is_a_jump_in_the_end() -> None:
    gate = started()
    act(gate, 10.0)
    for now in (9.8, 9.6):
        gate.command(now)
        assert gate.events[Event.CLOCK_JUMP] == 0
    assert gate.command(9.4).mode is Mode.DAMP
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


def test_a_stop_from_before_a_restart_is_latched_without_a_source() -> None:
    gate = make_gate()
    gate.latch_emergency_stop()
    assert gate.stopped
    assert not gate.stop_requested
    assert act(gate, 0.0).cause is Cause.EMERGENCY_STOP
    assert gate.clear_emergency_stop()
    assert act(gate, PERIOD).accepted


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
    gate = make_gate(fall_angle=1.0)
    gate.tilt(0.5, -0.9, PERIOD)
    assert act(gate, PERIOD).accepted
    gate.tilt(0.0, -1.1, PERIOD)
    assert gate.command(PERIOD).mode is Mode.DAMP
    assert act(gate, 2 * PERIOD).cause is Cause.FALLEN
    gate.tilt(math.nan, 0.0, 2 * PERIOD)
    assert act(gate, 3 * PERIOD).cause is Cause.FALLEN
    # At the edge: upright for less than a second, then beyond it once more.
    gate.tilt(0.9, 0.1, 4 * PERIOD)
    assert act(gate, 4 * PERIOD).cause is Cause.FALLEN
    gate.tilt(1.1, 0.1, 5 * PERIOD)
    for step in range(25, 45):
        gate.tilt(0.1, 0.1, step * PERIOD)
        assert act(gate, step * PERIOD).cause is Cause.FALLEN, 'nobody saw it upright before'
    gate.tilt(0.1, 0.1, 46 * PERIOD)
    assert act(gate, 46 * PERIOD).accepted


def test_after_a_fall_a_clock_that_went_back_does_not_keep_the_robot_limp() -> None:
    gate = make_gate(fall_angle=1.0)
    gate.tilt(2.0, 0.0, 1000.0)
    for step in range(21):
        gate.tilt(0.0, 0.0, step * PERIOD)
    assert act(gate, 20 * PERIOD).accepted


def test_where_falls_matter_nothing_moves_before_the_imu_speaks_and_its_silence_holds_and_damps() -> None:
    gate = make_gate(fall_angle=1.0)
    assert act(gate, 0.0).cause is Cause.NO_SENSOR_DATA
    gate.tilt(0.0, 0.0, 0.0)
    modes = {}
    for step in range(25):
        act(gate, step * PERIOD)
        modes[step] = gate.command(step * PERIOD).mode
    assert (modes[3], modes[5], modes[19], modes[21]) == (Mode.ACTIVE, Mode.HOLD, Mode.HOLD, Mode.DAMP)
    assert gate.refused[Cause.STALE_SENSOR] == 20
    gate.tilt(0.0, 0.0, 25 * PERIOD)
    assert act(gate, 25 * PERIOD).accepted


def test_without_a_fall_angle_a_robot_may_lie_on_its_back() -> None:
    gate = started()
    gate.tilt(math.pi, 0.0, 0.0)
    assert act(gate, PERIOD).accepted
