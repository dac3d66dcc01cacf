"""The reward of DayDreamer's A1 against its published values and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dreamer_learning.config import ConfigError
from dreamer_sensing.rewards import RewardState, find_reward
from dreamer_sensing.rewards.a1_walk import a1_walk

# Published ranges: hip +-0.787, shoulder -0.995 .. 3.665, knee -2.679 .. -1.628 rad; standing = [0, 0.869, -1.628].
LOWER = np.tile([-0.786842, -0.994838, -2.678698], 4)
UPPER = np.tile([0.786842, 3.66521, -1.62838], 4)
STANDING = np.tile([0.0, -0.2, 1.0], 4)
FORWARD = (0.3, 0.0, 0.0)


def state(
    normalised: np.ndarray = STANDING, rotation: np.ndarray | None = None, velocity: tuple[float, ...] = (0.0, 0.0, 0.0)
) -> RewardState:
    position = LOWER + (np.asarray(normalised) / 2 + 0.5) * (UPPER - LOWER)
    rotation = np.eye(3) if rotation is None else np.asarray(rotation, float)
    return RewardState(position, rotation, np.array(velocity), LOWER, UPPER)


def pitched(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def test_standing_pose_in_radians() -> None:
    np.testing.assert_allclose(state().position[:3], [0.0, 0.869, -1.628], atol=5e-4)


@pytest.mark.parametrize(('rotation', 'velocity', 'total'), [
    (np.diag([1, -1, -1]), (0, 0, 0), 5.0),      # on the back
    (np.diag([1, -1, -1]), FORWARD, 5.0),        # sliding on the back is worth nothing
    (np.eye(3), (0, 0, 0), 9.0),                 # standing at rest: 0/0 in the formula, finite here
    (np.eye(3), FORWARD, 14.0),                  # walking
    (np.eye(3), (0.15, 0, 0), 11.5),             # half the speed
    (np.eye(3), (3.0, 0, 0), 14.0),              # no more for being faster
    (np.eye(3), (-0.3, 0, 0), 9.0),              # backwards
    (np.eye(3), (0, 0.3, 0), 9.0),               # sideways
    (np.diag([-1, -1, 1]), (-0.3, 0, 0), 14.0),  # forwards after turning round
])
def test_published_values(rotation: np.ndarray, velocity: tuple[float, ...], total: float) -> None:
    value, _ = a1_walk(state(rotation=rotation, velocity=velocity))
    assert value == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize('knee', [-1.5, -1.3, -0.916])
def test_a_knee_straighter_than_an_action_can_ask_for_is_as_good_as_the_straightest(knee: float) -> None:
    # The released code limits normalised angles to [-1, 1] before it compares them with the standing pose.
    walking = state(velocity=FORWARD)
    walking.position[2::3] = knee
    assert a1_walk(walking)[0] == pytest.approx(14.0)


def test_part_of_the_velocity_that_is_forward() -> None:
    # 45 degrees: forward share 1/sqrt(2), forward speed 0.15 of 0.3. The vertical part counts in |v| only.
    assert a1_walk(state(velocity=(0.15, 0.15, 0)))[1]['velocity'] == pytest.approx(0.5 / math.sqrt(2))
    assert a1_walk(state(velocity=(0.3, 0, 0.4)))[1]['velocity'] == pytest.approx(0.3 / 0.5)


def test_heading_is_projected_and_not_normalised() -> None:
    # Pitched by 0.3 rad the heading is (cos 0.3, 0, 0): forward = 0.2 cos 0.3 and its share cos 0.3.
    parts = a1_walk(state(rotation=pitched(0.3), velocity=(0.2, 0, 0)))[1]
    assert parts['velocity'] == pytest.approx(math.cos(0.3) * 0.2 * math.cos(0.3) / 0.3)
    assert parts['upright'] == pytest.approx(math.cos(0.3) / 2 + 0.5)


def test_deviations_by_hand() -> None:
    # One hip 0.4 off: mean deviation 0.1. One shoulder 0.6 off of at most 1.2: 0.125. One knee 1.0 off of at most 2: 0.125.
    pose = STANDING.copy()
    pose[[0, 4, 8]] += [0.4, 0.6, -1.0]
    total, parts = a1_walk(state(pose))
    expected = {'upright': 1.0, 'hip': 0.9, 'shoulder': 0.875, 'knee': 0.875, 'velocity': 0.0}
    assert parts == pytest.approx(expected)
    assert total == pytest.approx(8.65)


def test_deviations_are_at_most_one() -> None:
    pose = STANDING.copy()
    pose[0] = 9.0
    assert a1_walk(state(pose))[1]['hip'] == pytest.approx(0.75)


@pytest.mark.parametrize(('joint', 'offset', 'closed'), [
    (0, 0.31, ['shoulder', 'knee', 'velocity']),
    (1, 0.38, ['knee', 'velocity']),
    (2, -0.62, ['velocity']),
])
def test_each_gate_closes_what_follows(joint: int, offset: float, closed: list[str]) -> None:
    pose = STANDING.copy()
    pose[joint::3] += offset
    total, parts = a1_walk(state(pose, velocity=FORWARD))
    assert [name for name, value in parts.items() if value == 0.0] == closed
    assert total == pytest.approx(sum(parts.values()) - parts['velocity'] + 5 * (parts['velocity'] + 1))


def test_upright_gate() -> None:
    just_open, just_closed = math.acos(0.41), math.acos(0.39)
    assert a1_walk(state(rotation=pitched(just_open)))[1]['hip'] == 1.0
    assert a1_walk(state(rotation=pitched(just_closed)))[1]['hip'] == 0.0


def test_an_unknown_reward_names_the_nearest() -> None:
    assert find_reward('a1_walk', 'tasks/a.yaml') is a1_walk
    with pytest.raises(ConfigError, match="tasks/a.yaml: reward 'a1_wlak' does not exist; did you mean 'a1_walk'"):
        find_reward('a1_wlak', 'tasks/a.yaml')


def test_a_robot_without_three_joints_a_leg_is_refused() -> None:
    with pytest.raises(ConfigError, match='7 joints'):
        a1_walk(RewardState(np.zeros(7), np.eye(3), np.zeros(3), -np.ones(7), np.ones(7)))
