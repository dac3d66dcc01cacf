import math

import pytest

from dreamer_actor.latency import LatencyWindow
from dreamer_actor.timing import StepTiming


def test_percentiles_in_milliseconds_are_durations_that_occurred() -> None:
    window = LatencyWindow(1000)
    for number in range(100, 0, -1):
        window.record(number * 1e-3)
    result = window.percentiles()
    assert (result.p50, result.p99, result.max, result.count) == (pytest.approx(51), pytest.approx(100), pytest.approx(100), 100)


def test_only_the_last_ones_count() -> None:
    window = LatencyWindow(10)
    for number in range(25):
        window.record(number)
    result = window.percentiles()
    assert (result.p50, result.max, result.count) == (20_000, 24_000, 10)


def test_an_empty_window_has_no_percentiles() -> None:
    assert math.isnan(LatencyWindow(10).percentiles().p99)


def test_answers_later_than_the_period_are_misses_by_either_clock() -> None:
    timing = StepTiming(period=0.05)
    timing.record(0.001, None)
    timing.record(0.049, 0.001)
    assert timing.misses == 0
    timing.record(0.051, None)
    timing.record(0.001, 0.06)
    assert (timing.answers, timing.misses) == (4, 2)


@pytest.mark.parametrize('age', [-0.5, 1000.0, None])
def test_an_age_by_another_clock_is_left_out(age: float | None) -> None:
    timing = StepTiming(period=0.05)
    timing.record(0.002, age)
    assert timing.misses == 0
    numbers = timing.describe()
    assert numbers['latency_p50_ms'] == pytest.approx(2.0)
    assert 'age_p50_ms' not in numbers
