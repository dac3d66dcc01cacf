"""The simulated A1: repeatable, stands, lies, is pushed, and differs as the variation says."""

import dataclasses
import math
from typing import Any

import mujoco
import numpy as np
import pytest
from conftest import MakeSimulation, command

from dreamer_learning.config import ConfigError
from dreamer_mujoco.config import Variation, draw
from dreamer_mujoco.simulation import SensorReading, Simulation

STAND = [0.0, 0.9, -1.8] * 4


def rollout(simulation: Simulation, steps: int = 20, seed: int = 3) -> np.ndarray:
    """Readings of a fixed random command sequence, as one flat array."""
    generator = np.random.default_rng(seed)
    low, high = simulation.model.jnt_range[1:].T
    values = []
    for _ in range(steps):
        simulation.apply(command(generator.uniform(low, high), duration=0.05, max_deviation=0.2))
        simulation.step(0.05)
        reading = simulation.read()
        values += [np.atleast_1d(getattr(reading, field.name)) for field in dataclasses.fields(reading)]
    return np.concatenate(values)


def test_equal_seeds_and_commands_give_bit_equal_readings(a1: MakeSimulation) -> None:
    first, second = rollout(a1(seed=5)), rollout(a1(seed=5))
    assert first.tobytes() == second.tobytes()


def test_readings_after_a_reset_repeat_too(a1: MakeSimulation) -> None:
    runs = []
    for _ in range(2):
        simulation = a1(seed=5)
        rollout(simulation, steps=3)
        simulation.reset()
        runs.append(rollout(simulation, steps=5).tobytes())
    assert runs[0] == runs[1]


def test_reset_forgets_what_was(a1: MakeSimulation) -> None:
    fresh, used = a1(), a1()
    rollout(used, steps=5)
    used.push(np.array([5.0, 5.0, 5.0]))
    for simulation in (fresh, used):
        simulation.reset('stand')
        simulation.step(0.1)
    for name in ('joint_position', 'joint_effort', 'base_position', 'linear_acceleration'):
        assert getattr(fresh.read(), name).tobytes() == getattr(used.read(), name).tobytes()


def test_keyframe_is_placed_on_the_floor(a1: MakeSimulation) -> None:
    simulation = a1()
    keyframe = dataclasses.replace(simulation.config.keyframes['stand'], settle=0.0)
    simulation.config.keyframes['stand'] = keyframe
    simulation.reset('stand')
    foot_below_base = 0.4 * math.cos(0.9) + 0.02
    assert simulation.read().base_position[2] == pytest.approx(foot_below_base + 0.002, abs=1e-9)


def test_diverged_physics_starts_again(a1: MakeSimulation) -> None:
    simulation = a1()
    mujoco.set_mju_user_warning(lambda text: None)
    simulation.data.qvel[3] = np.nan
    simulation.step(0.05)
    assert simulation.diverged == 1
    assert upright(simulation.read()) < -0.98
    # A gap in time: whoever reads this must not join what was to what is now.
    assert simulation.stamp == 2_050_000_000
    simulation.step(0.05)
    assert simulation.diverged == 1
    assert np.isfinite(simulation.read().linear_acceleration).all()


def test_another_seed_gives_another_start(a1: MakeSimulation) -> None:
    first, second = a1(seed=0).read(), a1(seed=1).read()
    assert not np.array_equal(first.joint_position, second.joint_position)


def test_reading_does_not_change_what_follows(a1: MakeSimulation) -> None:
    quiet, watched = a1(), a1()
    for simulation in (quiet, watched):
        simulation.apply(command(STAND, duration=0.1, max_deviation=0.2))
    for _ in range(10):
        quiet.step(0.01)
        watched.step(0.01)
        watched.read()
    assert quiet.read().joint_position.tobytes() == watched.read().joint_position.tobytes()


def test_standing_robot_stands(a1: MakeSimulation) -> None:
    simulation = a1()
    simulation.reset('stand')
    simulation.apply(command(STAND))
    for _ in range(40):
        simulation.step(0.05)
        assert simulation.read().base_position[2] > 0.2
    assert upright(simulation.read()) > 0.99


@pytest.mark.parametrize(('keyframe', 'up'), [('back', -1.0), ('belly', 1.0)])
def test_lying_robot_has_settled(a1: MakeSimulation, keyframe: str, up: float) -> None:
    simulation = a1()
    simulation.reset(keyframe)
    simulation.step(0.5)
    reading = simulation.read()
    assert upright(reading) == pytest.approx(up, abs=0.02)
    assert reading.base_position[2] == pytest.approx(0.057, abs=0.01)
    assert np.abs(reading.joint_velocity).max() < 0.05
    assert np.abs(reading.base_linear_velocity).max() < 0.01


def test_starts_on_its_back(a1: MakeSimulation) -> None:
    assert upright(a1().read()) < -0.98


def test_stays_finite_under_violent_commands(a1: MakeSimulation) -> None:
    simulation = a1()
    generator = np.random.default_rng(0)
    for _ in range(100):
        simulation.apply(command(generator.uniform(-6, 6, 12), kp=300.0, kd=1.0))
        simulation.step(0.02)
        reading = simulation.read()
        assert np.isfinite(reading.joint_velocity).all()
        assert np.abs(reading.base_position).max() < 20


def test_imu_at_rest_feels_the_floor(a1: MakeSimulation) -> None:
    simulation = a1()
    for keyframe, sign in (('stand', 1), ('back', -1)):
        simulation.reset(keyframe)
        simulation.step(1.0)
        simulation.read()
        simulation.step(0.05)
        reading = simulation.read()
        assert reading.linear_acceleration == pytest.approx([0, 0, sign * 9.81], abs=0.35)
        assert reading.angular_velocity == pytest.approx([0, 0, 0], abs=0.01)


def test_imu_is_the_mean_since_the_last_reading(a1: MakeSimulation) -> None:
    simulation = a1()
    simulation.apply(command(STAND, max_deviation=0.2))
    samples = []
    fine = a1()
    fine.apply(command(STAND, max_deviation=0.2))
    for _ in range(25):
        fine.step(0.002)
        reading = fine.read()
        samples.append(np.concatenate([reading.angular_velocity, reading.linear_acceleration]))
    simulation.step(0.05)
    reading = simulation.read()
    mean = np.concatenate([reading.angular_velocity, reading.linear_acceleration])
    assert mean == pytest.approx(np.mean(samples, axis=0), rel=1e-6, abs=1e-9)
    assert np.ptp(samples, axis=0).max() > 0.1


def test_push_changes_the_velocity_by_impulse_over_mass(a1: MakeSimulation) -> None:
    simulation = a1()
    simulation.data.qpos[2] = 5.0
    mass = simulation.model.body_mass.sum()
    momentum = []
    for impulse in ([0.0, 0.0, 0.0], [3.0, -2.0, 1.0]):
        simulation.push(np.array(impulse))
        simulation.step(0.01)
        simulation.read()
        mujoco.mj_subtreeVel(simulation.model, simulation.data)
        momentum.append(mass * simulation.data.subtree_linvel[1].copy())
    gravity = np.array([0, 0, -9.81 * 0.01 * mass])
    assert momentum[1] - momentum[0] == pytest.approx(np.array([3.0, -2.0, 1.0]) + gravity, abs=0.03)


def test_a_push_is_applied_once(a1: MakeSimulation) -> None:
    simulation = a1()
    simulation.push(np.array([1.0, 0.0, 0.0]))
    simulation.step(0.01)
    assert not simulation.data.xfrc_applied.any()
    with pytest.raises(ValueError, match='three finite numbers'):
        simulation.push(np.array([np.nan, 0.0, 0.0]))


def test_twist_is_in_the_base_frame_and_matches_the_motion(a1: MakeSimulation) -> None:
    simulation = a1()
    simulation.data.qpos[2] = 5.0
    simulation.data.qvel[:6] = [1.0, 2.0, 3.0, 0.3, 0.2, 0.1]
    before = simulation.read()
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, before.base_orientation[[3, 0, 1, 2]])
    assert rotation.reshape(3, 3) @ before.base_linear_velocity == pytest.approx([1.0, 2.0, 3.0])
    assert before.base_angular_velocity == pytest.approx([0.3, 0.2, 0.1])
    simulation.step(0.002)
    after = simulation.read()
    assert (after.base_position - before.base_position) / 0.002 == pytest.approx([1.0, 2.0, 3.0], abs=0.05)


def test_clock_rises_over_resets_and_keeps_fractions_of_ticks(a1: MakeSimulation) -> None:
    simulation = a1()
    for _ in range(30):
        simulation.step(1 / 30)
    assert simulation.stamp == pytest.approx(1e9, abs=2e6)
    before = simulation.stamp
    simulation.reset()
    assert simulation.stamp == before
    simulation.skip(0.05)
    assert simulation.stamp == before + 50_000_000


def test_unknown_keyframe_names_the_nearest(a1: MakeSimulation) -> None:
    with pytest.raises(ConfigError, match="no keyframe 'stant'; did you mean 'stand'"):
        a1().reset('stant')


def test_variation_draws_are_seeded_independent_and_within_range() -> None:
    variation = Variation(friction=(0.3, 0.9), payload=(0.0, 3.0), slope=(-0.2, 0.2), seed=4)
    first = draw(variation, 0.8)
    assert first == draw(variation, 0.8)
    assert first != draw(dataclasses.replace(variation, seed=5), 0.8)
    assert 0.3 <= first.friction <= 0.9
    assert 0.0 <= first.payload <= 3.0
    narrowed = draw(dataclasses.replace(variation, friction=(0.5, 0.5)), 0.8)
    assert (narrowed.payload, narrowed.slope) == (first.payload, first.slope)
    default = draw(Variation(), 0.8)
    assert dataclasses.astuple(default) == (0.8, 0.0, 1.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(('name', 'value'), [('payload', (-1.0, 0.0)), ('friction', (1.0, 0.5)), ('slope', (0.0, 2.0))])
def test_impossible_variation_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        Variation(**{name: value})


def test_payload_and_friction_reach_the_physics(a1: MakeSimulation) -> None:
    simulation = a1(variation=Variation(payload=(2.0, 2.0), friction=(0.4, 0.4)))
    assert simulation.model.body_mass.sum() == pytest.approx(12.453 + 2.0)
    simulation.reset('stand')
    simulation.step(0.1)
    assert simulation.data.ncon > 0
    assert simulation.data.contact.friction[:, 0] == pytest.approx(0.4)


def test_slope_tilts_the_robot_up_towards_x(a1: MakeSimulation) -> None:
    simulation = a1(variation=Variation(slope=(0.1, 0.1)))
    simulation.reset('belly')
    x, y, z, w = simulation.read().base_orientation
    assert math.asin(2 * (w * y - z * x)) == pytest.approx(-0.1, abs=0.02)
    simulation.step(0.5)
    reading = simulation.read()
    assert reading.linear_acceleration[0] == pytest.approx(9.81 * math.sin(0.1), abs=0.3)


def test_sensor_noise_is_seeded_and_leaves_the_truth_alone(a1: MakeSimulation) -> None:
    noisy = Variation(sensor_noise=(1.0, 1.0))
    clean, first, second, other = a1().read(), a1(0, noisy).read(), a1(0, noisy).read(), a1(1, noisy).read()
    assert first.joint_position.tobytes() == second.joint_position.tobytes()
    assert first.joint_position.tobytes() != other.joint_position.tobytes()
    assert 0.0005 < np.std(first.joint_position - clean.joint_position) < 0.02
    assert first.base_orientation.tobytes() == clean.base_orientation.tobytes()
    assert 0 < np.abs(first.orientation - clean.orientation).max() < 0.1
    assert np.linalg.norm(first.orientation) == pytest.approx(1.0)


def upright(reading: SensorReading) -> float:
    """z component of the base's z axis in the world."""
    x, y, _, _ = reading.base_orientation
    return 1 - 2 * (x * x + y * y)
