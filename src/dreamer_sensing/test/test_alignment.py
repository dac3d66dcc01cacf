"""Pairing by stamp and the control rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dreamer_sensing.alignment import Action, Aligned, Aligner, Kind
from dreamer_sensing.proprioception import ImuReading, JointReading
from dreamer_sensing.reading import SensorReading

MS = 1_000_000
STEP, TRACK, REPEAT = Action.STEP, Action.TRACK, Action.REPEAT


class Sensors:
    """Feeds an aligner; payloads carry their stamps so that pairs can be told."""

    def __init__(self, rate: float = 20.0, **options: Any) -> None:
        self.aligner = Aligner(rate, **options)

    def joints(self, ms: float) -> list[Aligned]:
        return self.aligner.add(Kind.JOINTS, round(ms * MS), JointReading(*np.full((3, 1), float(ms))))

    def imu(self, ms: float) -> list[Aligned]:
        return self.aligner.add(Kind.IMU, round(ms * MS), ImuReading((0, 0, 0, 1), *np.full((2, 3), float(ms))))

    def truth(self, ms: float) -> list[Aligned]:
        return self.aligner.add(Kind.TRUTH, round(ms * MS), np.full(3, float(ms)))

    def image(self, ms: float) -> list[Aligned]:
        return self.aligner.add(Kind.IMAGE, round(ms * MS), np.full((1, 1, 1), ms))

    def both(self, ms: float) -> list[Aligned]:
        return self.joints(ms) + self.imu(ms)


def told(results: list[Aligned]) -> list[tuple[Action, float]]:
    return [(result.action, result.stamp / MS) for result in results]


def steps(results: list[Aligned]) -> list[float]:
    return [stamp for action, stamp in told(results) if action is STEP]


def pairs(results: list[Aligned]) -> list[tuple[float, float]]:
    return [
        (float(result.reading.joint_position[0]), float(result.reading.specific_force[0]))
        for result in results if result.reading is not None
    ]


def reading_of(result: Aligned) -> SensorReading:
    assert result.reading is not None
    return result.reading


def image_of(result: Aligned) -> int:
    image = reading_of(result).image
    assert image is not None
    return int(image.item())


def test_lockstep_every_pair_is_a_step() -> None:
    sensors = Sensors()
    results = [item for k in range(100) for item in sensors.both(50 * k)]
    assert told(results) == [(STEP, 50.0 * k) for k in range(100)]
    assert (sensors.aligner.dropped, sensors.aligner.late, sensors.aligner.jumps) == (0, 0, 0)


def test_the_order_of_the_topics_does_not_matter() -> None:
    sensors = Sensors()
    assert sensors.imu(0) == []
    assert told(sensors.joints(0)) == [(STEP, 0.0)]


@pytest.mark.parametrize('period', [49.0, 51.0, 50.4])
def test_lockstep_with_a_period_rounded_to_physics_ticks(period: float) -> None:
    # Without following the sensors' own pace the grid would drift until a step is left out, and the world waits for ever.
    sensors = Sensors()
    results = [item for k in range(300) for item in sensors.both(period * k)]
    assert len(steps(results)) == 300


def test_real_time_at_100_hz() -> None:
    sensors = Sensors()
    results = [item for k in range(101) for item in sensors.both(10 * k)]
    assert steps(results) == [50.0 * k for k in range(21)]
    assert len(results) == 101
    assert sensors.aligner.late == 0


def test_real_time_with_jitter_keeps_the_rate() -> None:
    sensors, jitter = Sensors(), np.random.default_rng(0).uniform(-3, 3, 1001)
    results = [item for k in range(1001) for item in sensors.both(10 + 10 * k + jitter[k])]
    assert len(steps(results)) == pytest.approx(201, abs=1)
    assert np.abs(np.diff(steps(results)) - 50).max() < 17


@pytest.mark.parametrize('rate', [91.0, 39.0, 29.0, 25.0, 22.5])
def test_sensors_whose_rate_is_no_multiple(rate: float) -> None:
    sensors = Sensors()
    results = [item for k in range(round(10 * rate) + 1) for item in sensors.both(1000 * k / rate)]
    assert len(steps(results)) == pytest.approx(201, abs=1)


def test_the_nearest_imu_within_half_a_period() -> None:
    sensors = Sensors()
    results = [item for k in range(20) for item in sensors.joints(10 * k) + sensors.imu(10 * k + 4)]
    assert pairs(results) == [(10.0 * k, 10.0 * k + 4) for k in range(20)]
    sensors = Sensors()
    results = [item for k in range(20) for item in sensors.imu(10 * k - 3) + sensors.imu(10 * k + 1) + sensors.joints(10 * k)]
    assert pairs(results) == [(10.0 * k, 10.0 * k + 1) for k in range(20)]


def test_each_imu_reading_is_used_once() -> None:
    sensors = Sensors()
    sensors.joints(0)
    assert pairs(sensors.imu(8)) == [(0.0, 8.0)]
    assert sensors.joints(10) == []
    assert pairs(sensors.imu(11)) == [(10.0, 11.0)]


def test_a_lost_imu_drops_its_joint_states_only() -> None:
    sensors = Sensors()
    results = []
    for k in range(12):
        results += sensors.joints(10 * k) if k == 5 else sensors.both(10 * k)
    assert [joints for joints, _ in pairs(results)] == [10.0 * k for k in range(12) if k != 5]
    assert all(joints == imu for joints, imu in pairs(results))
    # The step that was due at 50 ms comes with the next pair.
    assert steps(results) == [0.0, 60.0, 100.0]
    assert sensors.aligner.dropped == 1


def test_joint_states_without_any_imu_are_dropped_and_memory_stays_bounded() -> None:
    sensors = Sensors()
    assert [item for k in range(100) for item in sensors.joints(10 * k)] == []
    assert sensors.aligner.dropped == 84


def test_topics_that_arrive_in_bursts() -> None:
    sensors = Sensors()
    for k in range(8):
        assert sensors.joints(10 * k) == []
    results = [item for k in range(8) for item in sensors.imu(10 * k)]
    assert pairs(results) == [(10.0 * k, 10.0 * k) for k in range(8)]


def test_a_pause_is_one_late_step() -> None:
    sensors = Sensors()
    results = [item for ms in (0, 50, 100, 400, 450, 500) for item in sensors.both(ms)]
    assert steps(results) == [0, 50, 100, 400, 450, 500]
    assert sensors.aligner.late == 1


def test_a_repeated_stamp_asks_for_the_last_step_again() -> None:
    sensors = Sensors()
    sensors.both(0)
    assert told(sensors.both(50)) == [(STEP, 50.0)]
    assert told(sensors.both(50)) == [(REPEAT, 50.0)]
    assert told(sensors.both(50)) == [(REPEAT, 50.0)]
    assert told(sensors.both(100)) == [(STEP, 100.0)]


def test_a_repeated_stamp_completes_what_was_lost() -> None:
    sensors = Sensors()
    sensors.both(0)
    assert sensors.joints(50) == []
    assert told(sensors.both(50)) == [(STEP, 50.0)]
    assert sensors.imu(100) == []
    assert told(sensors.both(100)) == [(STEP, 100.0)]


def test_a_repeated_stamp_between_two_steps_says_nothing() -> None:
    sensors = Sensors()
    for k in range(3):
        sensors.both(10 * k)
    assert sensors.both(20) == []


@pytest.mark.parametrize('imu_first', [True, False])
def test_a_clock_that_jumps_back(imu_first: bool) -> None:
    sensors = Sensors()
    for k in range(5):
        sensors.both(50 * k)
    first, second = (sensors.imu, sensors.joints) if imu_first else (sensors.joints, sensors.imu)
    results = first(0) + second(0)
    assert told(results) == [(STEP, 0.0)]
    assert results[0].cut
    assert sensors.aligner.jumps == 1
    after = sensors.both(50)
    assert told(after) == [(STEP, 50.0)]
    assert not after[0].cut


def test_a_message_that_another_overtook_is_left_out() -> None:
    sensors = Sensors()
    results = [item for k in range(20) for item in sensors.both(10 * k)]
    for k in range(20, 40):
        late = sensors.imu(10 * k - 14) + sensors.joints(10 * k - 14)
        assert late == []
        results += sensors.both(10 * k)
    assert (sensors.aligner.overtaken, sensors.aligner.jumps) == (40, 0)
    assert steps(results) == [50.0 * k for k in range(8)]
    assert not any(result.cut for result in results)
    assert sensors.both(385)[0].cut


def test_ground_truth_is_a_third_partner() -> None:
    sensors = Sensors(needs_truth=True)
    assert sensors.both(0) == []
    results = sensors.truth(0)
    assert told(results) == [(STEP, 0.0)]
    sensors.truth(50)
    results = sensors.both(50)
    assert reading_of(results[0]).true_velocity == pytest.approx([50.0] * 3)


def test_lockstep_with_a_camera_waits_for_the_image_of_the_same_time() -> None:
    sensors = Sensors(needs_image=True)
    for k in range(4):
        assert sensors.both(50 * k) == []
        results = sensors.image(50 * k)
        assert told(results) == [(STEP, 50.0 * k)]
        assert image_of(results[0]) == 50 * k
    assert told(sensors.both(150)) == [(REPEAT, 150.0)]
    assert sensors.image(150) == []


def test_lockstep_with_a_camera_that_comes_first() -> None:
    sensors = Sensors(needs_image=True)
    for k in range(4):
        assert sensors.image(50 * k) == []
        assert told(sensors.both(50 * k)) == [(STEP, 50.0 * k)]


def test_a_free_running_camera_gives_its_newest_image() -> None:
    sensors = Sensors(needs_image=True)
    results = []
    for k in range(31):
        if k % 3 == 0:
            results += sensors.image(10 * k - 2)
        results += sensors.both(10 * k)
    found = [(result.stamp // MS, image_of(result)) for result in results if result.action is STEP]
    assert found == [(0, -2), (50, 28), (100, 88), (150, 148), (200, 178), (250, 238), (300, 298)]


def test_an_old_image_is_not_used() -> None:
    sensors = Sensors(needs_image=True, camera_max_age=0.1)
    sensors.image(-5)
    results = [item for k in range(15) for item in sensors.both(10 * k)]
    # 95 ms is young enough; at 100 and later the steps wait, one after the other.
    assert steps(results) == [0, 50]
    assert sensors.aligner.without_image == 4
    assert steps(sensors.image(141)) == [140]


@pytest.mark.parametrize(('late', 'following'), [(60, 100), (70, 100), (80, 110), (90, 120)])
def test_a_step_that_waited_for_its_image_is_not_followed_by_the_next_at_once(late: int, following: int) -> None:
    sensors = Sensors(needs_image=True)
    sensors.image(-60)
    results = [item for k in range(late // 10 + 1) for item in sensors.both(10 * k)]
    assert steps(results) == [0]
    results = sensors.image(late + 1) + [item for k in range(late // 10 + 1, 20) for item in sensors.both(10 * k)]
    # Then on the grid again.
    assert steps(results) == [late, following, 150]


def test_steps_are_half_a_period_apart_at_least_whatever_the_sensors_do() -> None:
    random = np.random.default_rng(0)
    sensors, found = Sensors(needs_image=True, camera_max_age=0.03), []
    for stamp in np.cumsum(random.choice([2.0, 5.0, 12.0, 20.0, 40.0, 70.0], 5000)):
        found += sensors.both(stamp)
        if random.random() < 0.3:
            found += sensors.image(stamp - 1)
    assert len(steps(found)) > 500
    assert np.diff(steps(found)).min() >= 25
