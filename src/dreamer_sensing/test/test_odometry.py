"""The base's pose from its velocity."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from dreamer_sensing.odometry import Odometry
from dreamer_sensing.reading import SensorReading

LONGEST = 0.125
UPRIGHT = (0.0, 0.0, 0.0, 1.0)


def reading(time: float, orientation: Sequence[float] = UPRIGHT, rate: Sequence[float] = (0, 0, 0)) -> SensorReading:
    none = np.zeros(0)
    return SensorReading(time, none, none, none, orientation, np.array(rate, float), np.array([0, 0, 9.81]))


def test_it_starts_at_the_origin() -> None:
    motion = Odometry(LONGEST).update(reading(1000.0), np.array([1.0, 2.0, 3.0]))
    assert motion.position.tolist() == [0, 0, 0]
    assert motion.linear.tolist() == [1, 2, 3]


@pytest.mark.parametrize('interval', [0.01, 0.05])
def test_a_circle_ends_where_it_began(interval: float) -> None:
    # Once around in 10 s on a radius of 2 m, always facing the way: forward in the base's frame, whatever the yaw.
    odometry, turn = Odometry(LONGEST), 2 * math.pi / 10
    furthest = 0.0
    for k in range(round(10 / interval) + 1):
        angle = turn * k * interval
        yaw = (0.0, 0.0, math.sin(angle / 2), math.cos(angle / 2))
        velocity = 2 * turn * np.array([math.cos(angle), math.sin(angle), 0.0])
        motion = odometry.update(reading(5.0 + k * interval, yaw, (0, 0, turn)), velocity)
        assert motion.linear == pytest.approx([2 * turn, 0, 0])
        assert motion.angular.tolist() == [0, 0, turn]
        assert motion.orientation == pytest.approx(yaw)
        furthest = max(furthest, float(np.linalg.norm(motion.position)))
    assert motion.position == pytest.approx([0, 0, 0], abs=1e-9)
    assert furthest == pytest.approx(4.0, abs=1e-3)


def test_a_velocity_that_grows_steadily_is_integrated_exactly() -> None:
    odometry = Odometry(LONGEST)
    for time in (0.0, 0.01, 0.05, 0.1, 0.2):
        motion = odometry.update(reading(time), np.array([0.0, 0.0, -9.81 * time]))
    assert motion.position == pytest.approx([0, 0, -9.81 * 0.2**2 / 2])


@pytest.mark.parametrize('gap', [0.126, 60.0, -0.01, -5.0, 0.0])
def test_across_a_pause_or_a_jump_of_time_the_pose_stays(gap: float) -> None:
    odometry, forward = Odometry(LONGEST), np.array([1.0, 0.0, 0.0])
    odometry.update(reading(10.0), forward)
    assert odometry.update(reading(10.1), forward).position == pytest.approx([0.1, 0, 0])
    assert odometry.update(reading(10.1 + gap), forward).position == pytest.approx([0.1, 0, 0])
    assert odometry.update(reading(10.2 + gap), forward).position == pytest.approx([0.2, 0, 0])


def test_the_orientation_is_of_unit_length_and_earlier_motions_stay_as_they_were() -> None:
    odometry, forward = Odometry(LONGEST), np.array([1.0, 0.0, 0.0])
    first = odometry.update(reading(0.0, (0.0, 0.0, 0.70711, 0.70711)), forward)
    assert np.linalg.norm(first.orientation) == pytest.approx(1.0, abs=1e-12)
    assert first.linear == pytest.approx([0, -1, 0])
    odometry.update(reading(0.1), forward)
    assert first.position.tolist() == [0, 0, 0]
