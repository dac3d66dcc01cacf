"""Base velocity from IMU and leg odometry, against motions that are known exactly."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from dog import LEGS, STANDING

from dreamer_learning.config import ConfigError
from dreamer_sensing.kinematics import FootKinematics
from dreamer_sensing.reading import SensorReading
from dreamer_sensing.settings import SensingConfig
from dreamer_sensing.velocity import GRAVITY, VelocityConfig, VelocityEstimator

FEET = ['FR_foot', 'FL_foot', 'RR_foot', 'RL_foot']
LOAD = 30.0  # N on each standing foot
REST = np.array([0.0, 0.0, 9.81])


@pytest.fixture
def kinematics(settings: tuple[SensingConfig, Path]) -> FootKinematics:
    return FootKinematics(settings[1], 'trunk', FEET, LEGS)


def loads(
    kinematics: FootKinematics, position: np.ndarray, rotation: np.ndarray, force: Sequence[float] = (LOAD,) * 4
) -> np.ndarray:
    """Motor efforts that hold vertical forces on the feet."""
    _, jacobian = kinematics.compute(position)
    effort = np.zeros(12)
    for foot, index in enumerate(kinematics.index):
        effort[index] = -jacobian[foot].T @ (rotation[2] * force[foot])
    return effort


def reading(
    kinematics: FootKinematics, time: float, velocity: np.ndarray | None = None, force: Sequence[float] = (LOAD,) * 4,
    specific_force: np.ndarray = REST, rate: Sequence[float] | np.ndarray = (0, 0, 0),
) -> SensorReading:
    position = STANDING
    velocity = np.zeros(12) if velocity is None else velocity
    effort = loads(kinematics, position, np.eye(3), force)
    return SensorReading(time, position, velocity, effort, (0, 0, 0, 1), np.array(rate, float), specific_force)


def rotation(roll: float, pitch: float, yaw: float) -> np.ndarray:
    cr, sr, cp, sp, cy, sy = (f(a) for a in (roll, pitch, yaw) for f in (math.cos, math.sin))
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


class Stance:
    """A body that sways on four feet that never move: exact base pose, joint angles by Newton's method."""

    def __init__(self, kinematics: FootKinematics) -> None:
        self._kinematics = kinematics
        self._joints = STANDING.copy()
        self._feet = kinematics.compute(STANDING)[0] + [0, 0, 0.25]

    def pose(self, t: float) -> tuple[np.ndarray, np.ndarray]:
        place = np.array([0.06 * math.sin(4 * t), 0.03 * math.sin(3 * t), 0.25 + 0.02 * math.sin(5 * t)])
        return place, rotation(0.1 * math.sin(2 * t), 0.15 * math.sin(3 * t), 0.2 * math.sin(t))

    def derivatives(self, t: float, h: float = 1e-4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Velocity and acceleration in the world, angular velocity in the body."""
        (before, turned_before), (now, turned), (after, turned_after) = (self.pose(s) for s in (t - h, t, t + h))
        spin = turned.T @ (turned_after - turned_before) / (2 * h)
        rate = np.array([spin[2, 1] - spin[1, 2], spin[0, 2] - spin[2, 0], spin[1, 0] - spin[0, 1]]) / 2
        return (after - before) / (2 * h), (after - 2 * now + before) / h**2, rate

    def reading(self, t: float, interval: float) -> tuple[SensorReading, np.ndarray, np.ndarray]:
        """What the sensors say, the orientation, and the true velocity."""
        place, turned = self.pose(t)
        velocity, _, rate = self.derivatives(t)
        target = (self._feet - place) @ turned
        joint_velocity = np.zeros(12)
        for _ in range(20):
            point, jacobian = self._kinematics.compute(self._joints)
            for foot, index in enumerate(self._kinematics.index):
                self._joints[index] += np.linalg.solve(jacobian[foot], target[foot] - point[foot])
        for foot, index in enumerate(self._kinematics.index):
            motion = -turned.T @ velocity - np.cross(rate, point[foot])
            joint_velocity[index] = np.linalg.solve(jacobian[foot], motion)
        force = np.mean([
            self.pose(s)[1].T @ (self.derivatives(s)[1] - GRAVITY) for s in np.linspace(t - interval, t, 11)
        ], axis=0)
        effort = loads(self._kinematics, self._joints, turned)
        return SensorReading(t, self._joints.copy(), joint_velocity, effort, (0, 0, 0, 1), rate, force), turned, velocity


@pytest.mark.parametrize('interval', [0.05, 0.01])
def test_a_swaying_body_without_smoothing(kinematics: FootKinematics, interval: float) -> None:
    estimator, stance = VelocityEstimator(kinematics, VelocityConfig(window=0.0)), Stance(kinematics)
    errors = []
    for step in range(1, round(2.0 / interval)):
        sensed, turned, truth = stance.reading(step * interval, interval)
        errors.append(estimator.update(sensed, turned) - truth)
        assert estimator.contacts.all()
    # Speeds reach 0.3 m/s. What is left comes from the start at rest and the first-order integration.
    assert np.abs(errors[2:]).max() < 0.01


def test_at_rest(kinematics: FootKinematics) -> None:
    estimator = VelocityEstimator(kinematics, VelocityConfig())
    for step in range(10):
        velocity = estimator.update(reading(kinematics, 0.05 * step), np.eye(3))
    np.testing.assert_allclose(velocity, 0.0, atol=1e-9)


def test_a_free_fall_is_integrated(kinematics: FootKinematics) -> None:
    estimator = VelocityEstimator(kinematics, VelocityConfig(window=0.0))
    for step in range(11):
        fall = reading(kinematics, 0.01 * step, force=(0,) * 4, specific_force=np.zeros(3))
        velocity = estimator.update(fall, np.eye(3))
    assert not estimator.contacts.any()
    np.testing.assert_allclose(velocity, [0, 0, -0.981], atol=1e-9)


def test_a_mean_force_is_turned_by_the_mean_orientation(kinematics: FootKinematics) -> None:
    # Turning by 90 degrees about x within 0.1 s: the force along the body's z has the mean direction (0, -1, 1) / 2.
    estimator = VelocityEstimator(kinematics, VelocityConfig(window=0.0))
    estimator.update(reading(kinematics, 0.0, force=(0,) * 4), np.eye(3))
    turned = reading(kinematics, 0.1, force=(0,) * 4, specific_force=np.array([0.0, 0.0, 20.0]))
    velocity = estimator.update(turned, rotation(math.pi / 2, 0.0, 0.0))
    np.testing.assert_allclose(velocity, [0.0, -1.0, 1.0 - 0.981], atol=1e-9)


def test_only_feet_that_carry_count(kinematics: FootKinematics) -> None:
    # The front right leg swings; 19 N is below the threshold of 20 N, 21 N above.
    velocity = np.zeros(12)
    velocity[:3] = [1.0, -5.0, 8.0]
    estimator = VelocityEstimator(kinematics, VelocityConfig(window=0.0))
    result = estimator.update(reading(kinematics, 0.0, velocity=velocity, force=(19, 21, 21, 21)), np.eye(3))
    assert estimator.contacts.tolist() == [False, True, True, True]
    np.testing.assert_allclose(result, 0.0, atol=1e-9)
    estimator.update(reading(kinematics, 0.05, velocity=velocity, force=(21, 19, -30, 21)), np.eye(3))
    assert estimator.contacts.tolist() == [True, False, False, True]


def test_feet_carry_upwards_in_the_world_however_the_body_lies(kinematics: FootKinematics) -> None:
    turned = rotation(math.pi - 0.3, 0.4, 1.0)
    estimator = VelocityEstimator(kinematics, VelocityConfig())
    upright = reading(kinematics, 0.0)
    estimator.update(dataclasses.replace(upright, joint_effort=loads(kinematics, STANDING, turned)), turned)
    assert estimator.contacts.all()
    # What carries an upright body pulls one on its back down.
    estimator.update(dataclasses.replace(upright, time=0.05), turned)
    assert not estimator.contacts.any()


def test_the_kalman_gain_by_hand(kinematics: FootKinematics) -> None:
    # All legs pull the body forward at 0.2 m/s. Gain at the first message: 0.1 / (0.1 + 0.006206).
    _, jacobian = kinematics.compute(STANDING)
    velocity = np.concatenate([np.linalg.solve(jacobian[foot], [-0.2, 0, 0]) for foot in range(4)])
    estimator = VelocityEstimator(kinematics, VelocityConfig(window=0.0))
    first = estimator.update(reading(kinematics, 0.0, velocity=velocity), np.eye(3))
    gain = 0.1 / (0.1 + 0.006206)
    assert first[0] == pytest.approx(0.2 * gain, rel=1e-6)
    variance = 0.1 * (1 - gain) + 0.03059
    gain = variance / (variance + 0.006206)
    second = estimator.update(reading(kinematics, 0.05, velocity=velocity), np.eye(3))
    assert second[0] == pytest.approx(first[0] + gain * (0.2 - first[0]), rel=1e-6)


def test_turning_in_place(kinematics: FootKinematics) -> None:
    # Feet that stand still while the body turns: each foot moves by -omega x p in the body's frame.
    point, jacobian = kinematics.compute(STANDING)
    rate = np.array([0.0, 0.0, 1.0])
    velocity = np.concatenate([np.linalg.solve(jacobian[foot], -np.cross(rate, point[foot])) for foot in range(4)])
    estimator = VelocityEstimator(kinematics, VelocityConfig(window=0.0))
    result = estimator.update(reading(kinematics, 0.0, velocity=velocity, rate=rate, force=(30, 0, 0, 0)), np.eye(3))
    np.testing.assert_allclose(result, 0.0, atol=1e-9)


def test_round_feet_roll(kinematics: FootKinematics) -> None:
    # A rigid leg turning about its standing foot at 1 rad/s: a ball of 0.02 m rolls on by 0.02 m/s, a point does not.
    velocity = np.zeros(12)
    velocity[1::3] = 1.0
    results = []
    for radius in (0.0, 0.02):
        estimator = VelocityEstimator(kinematics, VelocityConfig(window=0.0, foot_radius=radius, initial_variance=1e9))
        results.append(estimator.update(reading(kinematics, 0.0, velocity=velocity), np.eye(3)))
    np.testing.assert_allclose(results[1] - results[0], [0.02, 0.0, 0.0], atol=1e-6)


def test_round_feet_roll_on_the_floor_under_a_tilted_body(kinematics: FootKinematics) -> None:
    # Stiff legs and a body that turns: each ball rolls by its radius times the turning about the world's horizontal axes.
    turned, rate = rotation(0.3, 0.4, 1.0), np.array([0.5, -0.7, 0.9])
    results = []
    for radius in (0.0, 0.02):
        estimator = VelocityEstimator(kinematics, VelocityConfig(window=0.0, foot_radius=radius, initial_variance=1e9))
        results.append(estimator.update(reading(kinematics, 0.0, rate=rate), turned))
    np.testing.assert_allclose(results[1] - results[0], 0.02 * np.cross(turned @ rate, [0.0, 0.0, 1.0]), atol=1e-6)


@pytest.mark.parametrize(('interval', 'count'), [(0.05, 3), (0.01, 13)])
def test_the_average_covers_the_window(kinematics: FootKinematics, interval: float, count: int) -> None:
    # Falling: the newest velocities within 0.12 s are k, k-1, ... intervals of g.
    estimator = VelocityEstimator(kinematics, VelocityConfig(window=0.12))
    for step in range(31):
        fall = reading(kinematics, interval * step, force=(0,) * 4, specific_force=np.zeros(3))
        velocity = estimator.update(fall, np.eye(3))
    assert velocity[2] == pytest.approx(-9.81 * interval * np.mean(np.arange(31)[-count:]))


def test_reset_forgets(kinematics: FootKinematics) -> None:
    estimator = VelocityEstimator(kinematics, VelocityConfig())
    first = reading(kinematics, 0.0, force=(0,) * 4, specific_force=np.zeros(3))
    estimator.update(first, np.eye(3))
    estimator.update(reading(kinematics, 1.0, force=(0,) * 4, specific_force=np.zeros(3)), np.eye(3))
    estimator.reset()
    np.testing.assert_array_equal(estimator.update(first, np.eye(3)), 0.0)


def test_a_leg_that_cannot_resist_gives_a_finite_force(kinematics: FootKinematics) -> None:
    estimator = VelocityEstimator(kinematics, VelocityConfig())
    straight = np.zeros(12)
    sensed = SensorReading(0.0, straight, np.zeros(12), np.full(12, 30.0), (0, 0, 0, 1), np.zeros(3), REST)
    assert np.isfinite(estimator.update(sensed, np.eye(3))).all()


@pytest.mark.parametrize(('key', 'value'), [('window', -1.0), ('contact_force', math.nan), ('joint_velocity_variance', 0.0)])
def test_bad_settings_are_refused(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=key):
        VelocityConfig(**{key: value})
