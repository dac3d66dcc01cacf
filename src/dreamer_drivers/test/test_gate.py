"""The safety gate: what actions mean, and which are refused."""

import math

import numpy as np
import pytest
from gate_fixture import PERIOD, POSE, UPPER, act, make_gate, measure, started

from dreamer_drivers.causes import Cause, Event
from dreamer_drivers.command import Mode
from dreamer_drivers.lowpass import LowPass, butterworth

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


@pytest.mark.parametrize(('action', 'cause', 'detail'), [
    (np.array([0.0, np.nan], np.float32), Cause.NOT_FINITE, 'number 1 is nan'),
    (np.array([np.inf, 0.0], np.float32), Cause.NOT_FINITE, 'number 0 is inf'),
    (np.zeros(3, np.float32), Cause.WRONG_SHAPE, '[3]; allowed: [2]'),
    (np.zeros((1, 2), np.float32), Cause.WRONG_SHAPE, '[1, 2]; allowed: [2]'),
    (np.zeros(0, np.float32), Cause.WRONG_SHAPE, '[0]; allowed: [2]'),
    (np.zeros(2, np.int32), Cause.WRONG_TYPE, 'int32; allowed: float32, float64'),
])
def test_bad_actions_are_refused_counted_and_held(action: np.ndarray, cause: Cause, detail: str) -> None:
    gate = started()
    act(gate, PERIOD, (1, 1))
    measure(gate, 2 * PERIOD)
    verdict = gate.submit(action, 2 * PERIOD, 2 * PERIOD)
    assert (verdict.accepted, verdict.cause, verdict.reason) == (False, cause, f'{cause}: {detail}')
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
    (1.05, 1.0, None),
    (1.02, 1.01 - PERIOD + 0.01, None),
    (1.0501, 1.0, Cause.FUTURE_ACTION),
    (math.inf, 1.0, Cause.FUTURE_ACTION),
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
    assert gate.submit(np.zeros(2, np.float32), 0.15, 0.21).accepted
    assert gate.events[Event.DEADLINE_MISS] == 1


@pytest.mark.parametrize(('spacing', 'taken'), [(0.001, 6), (0.0, 1), (-0.001, 1)])
def test_many_actions_at_once_do_not_get_past_the_low_pass(spacing: float, taken: int) -> None:
    gate = started(cutoff=1.5, max_deviation=0.0)
    for count in range(200):
        now = PERIOD + max(spacing, 0.0) * count
        measure(gate, now)
        gate.submit(np.ones(2, np.float32), PERIOD + spacing * count, now)
    # Within 200 ms, where time goes on: of half a period's distance one, then as many as the rate allows.
    assert gate.refused == {Cause.TOO_SOON: 200 - taken}
    honest = LowPass(1.5, 1 / PERIOD)
    honest.prime(POSE)
    reached = [honest(np.array([0.8, 1.5])) for _ in range(taken)][-1]
    assert (gate.command(now).position <= reached + 1e-9).all()


@pytest.mark.parametrize(('spacing', 'cause'), [
    (0.025, None), (0.024, Cause.TOO_SOON), (0.0, Cause.TOO_SOON), (-0.04, Cause.TOO_SOON),
])
def test_actions_keep_half_a_control_period_from_the_last_accepted_one(spacing: float, cause: Cause | None) -> None:
    # A real robot's clock, whose stamps a float of seconds rounds.
    start = 1_700_000_000.123456
    gate = make_gate()
    for step in range(4):
        assert act(gate, start + step * PERIOD, (1, 1)).accepted
    last = start + 3 * PERIOD
    now = max(last, last + spacing)
    measure(gate, now)
    assert gate.submit(np.zeros(2, np.float32), last + spacing, now).cause is cause
    assert gate.command(now).mode is (Mode.HOLD if cause else Mode.ACTIVE)
    # Counted from the accepted one: a refused one does not keep the next away.
    assert act(gate, start + 4 * PERIOD).accepted


@pytest.mark.parametrize('first', [-0.175, -0.2, -0.02])
def test_stamps_do_not_make_a_burst_look_like_time(first: float) -> None:
    gate = started(cutoff=1.5, max_deviation=0.0)
    now = 0.3
    measure(gate, now)
    verdicts = [gate.submit(np.ones(2, np.float32), now + first + 0.0251 * count, now) for count in range(15)]
    assert [verdict.accepted for verdict in verdicts] == [True] + 14 * [False]
    assert gate.refused.total() == gate.refused[Cause.TOO_SOON] + gate.refused[Cause.FUTURE_ACTION] == 14
    b, _ = butterworth(1.5, 1 / PERIOD)
    assert (gate.command(now).position <= POSE + b[0] * (np.array([0.8, 1.5]) - POSE) + 1e-9).all()


@pytest.mark.parametrize(('rate', 'taken'), [(39.0, 222), (25.0, 222), (21.9, 219), (20.0, 200), (19.0, 190)])
def test_no_more_actions_are_carried_out_than_the_control_rate_has(rate: float, taken: int) -> None:
    start = 1_700_000_000.123456
    gate = make_gate(cutoff=1.5)
    for count in range(round(10 * rate)):
        act(gate, start + count / rate, (1, 1))
    accepted = round(10 * rate) - gate.refused.total()
    assert gate.refused.keys() <= {Cause.TOO_SOON}
    # One more at the start, and rounding.
    assert taken - 2 <= accepted <= taken + 2


@pytest.mark.parametrize(('late', 'cause'), [(0.1, None), (0.75, None), (0.77, Cause.TOO_SOON), (0.9, Cause.TOO_SOON)])
def test_a_punctual_action_may_follow_one_that_came_late(late: float, cause: Cause | None) -> None:
    start = 1_700_000_000.123456
    gate = make_gate()
    assert act(gate, start).accepted
    measure(gate, start + (1 + late) * PERIOD)
    assert gate.submit(np.zeros(2, np.float32), start + PERIOD, start + (1 + late) * PERIOD).accepted
    assert act(gate, start + 2 * PERIOD).cause is cause
    assert act(gate, start + 3 * PERIOD).accepted


def test_bad_measurements_are_refused_and_the_last_good_one_stays() -> None:
    gate = make_gate()
    assert measure(gate, 1.0).accepted
    assert measure(gate, 1.01, (np.nan, 0.0)).cause is Cause.BAD_SENSOR
    assert measure(gate, 1.01, (0.0, 0.0), (0.0, np.inf)).cause is Cause.BAD_SENSOR
    assert measure(gate, 0.99, (0.0, 0.0)).cause is Cause.LATE_SENSOR
    assert gate.command(1.0).position == pytest.approx(POSE)
    assert gate.refused == {Cause.BAD_SENSOR: 2, Cause.LATE_SENSOR: 1}


@pytest.mark.parametrize('deviation', [0.2, 0.0])
def test_measured_far_outside_the_limits_damps(deviation: float) -> None:
    gate = started(max_deviation=deviation)
    outside = (UPPER[0] + 0.21, 0.0)
    measure(gate, PERIOD, outside)
    assert gate.command(PERIOD).mode is Mode.DAMP
    assert act(gate, PERIOD, position=outside).cause is Cause.OUTSIDE_LIMITS
    assert act(gate, 2 * PERIOD, position=(UPPER[0] + 0.19, 0.0)).accepted
    assert gate.command(2 * PERIOD).position[0] == UPPER[0]
