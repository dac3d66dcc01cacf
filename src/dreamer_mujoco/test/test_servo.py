"""The joint controllers do what JointCommand.msg says, compared with hand calculations."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from conftest import ARM_EFFORT, ARM_INERTIA, MakeSimulation, command

from dreamer_mujoco.simulation import Simulation

TICK = 0.002


def test_pd_with_feed_forward_is_the_stated_law(arm: MakeSimulation) -> None:
    simulation = arm()
    simulation.apply(command([0.1], kp=20.0, kd=3.0, effort=0.7, velocity=0.5))
    simulation.step(TICK)
    reading = simulation.read()
    torque = 0.7 + 20.0 * (0.1 - 0.0) + 3.0 * (0.5 - 0.0)
    assert reading.joint_effort[0] == pytest.approx(torque)
    # The integrator treats the damping implicitly: (I + h kd) v = h torque.
    assert reading.joint_velocity[0] == pytest.approx(TICK * torque / (ARM_INERTIA + TICK * 3.0))
    before = reading
    simulation.step(TICK)
    torque = 0.7 + 20.0 * (0.1 - before.joint_position[0]) + 3.0 * (0.5 - before.joint_velocity[0])
    assert simulation.read().joint_effort[0] == pytest.approx(torque)


def test_effort_limit_bounds_the_torque(arm: MakeSimulation) -> None:
    simulation = arm()
    simulation.apply(command([2.0], kp=500.0, kd=0.0))
    simulation.step(TICK)
    assert simulation.read().joint_effort[0] == pytest.approx(ARM_EFFORT)
    simulation.apply(command([-2.0], kp=500.0, kd=0.0))
    simulation.step(TICK)
    assert simulation.read().joint_effort[0] == pytest.approx(-ARM_EFFORT)


def test_ramp_is_linear_over_the_duration_and_ends_at_the_target(arm: MakeSimulation) -> None:
    simulation = arm()
    simulation.apply(command([0.4], kp=10.0, kd=0.0, duration=0.008))
    for fraction in (0.25, 0.5, 0.75, 1.0, 1.0):
        before = simulation.read().joint_position[0]
        simulation.step(TICK)
        assert simulation.read().joint_effort[0] == pytest.approx(10.0 * (0.4 * fraction - before))


def test_next_ramp_starts_from_the_present_set_point(arm: MakeSimulation) -> None:
    simulation = arm()
    simulation.apply(command([0.4], kp=10.0, kd=0.0, duration=0.008))
    simulation.step(2 * TICK)
    before = simulation.read().joint_position[0]
    simulation.apply(command([1.2], kp=10.0, kd=0.0, duration=0.008))
    simulation.step(TICK)
    assert simulation.read().joint_effort[0] == pytest.approx(10.0 * (0.2 + 1.0 / 4 - before))


def test_ramp_out_of_zero_stiffness_starts_from_the_measured_angle(arm: MakeSimulation) -> None:
    simulation = arm(keyframes={'zero': dataclasses.replace(arm().config.keyframes['zero'], joints=[0.5])})
    simulation.apply(command([2.0], kp=0.0, kd=1.0))
    simulation.step(0.01)
    simulation.apply(command([0.9], kp=10.0, kd=0.0, duration=0.008))
    simulation.step(TICK)
    assert simulation.read().joint_effort[0] == pytest.approx(10.0 * 0.1)


def test_set_point_stays_within_max_deviation_of_the_measured_angle(arm: MakeSimulation) -> None:
    simulation = arm()
    simulation.apply(command([2.0], kp=10.0, kd=0.0, max_deviation=0.2))
    efforts = []
    for _ in range(100):
        simulation.step(TICK)
        efforts.append(simulation.read().joint_effort[0])
    assert efforts == pytest.approx([10.0 * 0.2] * 100)
    simulation.apply(command([-2.0], kp=10.0, kd=0.0, max_deviation=0.2))
    simulation.step(TICK)
    assert simulation.read().joint_effort[0] == pytest.approx(-10.0 * 0.2)


def test_zero_stiffness_damps(arm: MakeSimulation) -> None:
    simulation = arm()
    simulation.apply(command([0.0], kp=0.0, kd=0.0, effort=1.0))
    simulation.step(0.5)
    simulation.apply(command([3.0], kp=0.0, kd=2.0))
    before = simulation.read().joint_velocity[0]
    simulation.step(TICK)
    assert before == pytest.approx(0.5 / ARM_INERTIA)
    assert simulation.read().joint_effort[0] == pytest.approx(-2.0 * before)


def test_holds_after_two_tenths_and_damps_after_a_second_without_commands(arm: MakeSimulation) -> None:
    simulation = arm(command_timeout=True, damp_kd=3.0)
    simulation.apply(command([0.1], kp=20.0, kd=3.0, velocity=0.5))
    simulation.step(0.2)
    assert simulation.read().joint_effort[0] != pytest.approx(0.0, abs=1e-3)
    before = simulation.read()
    simulation.step(TICK)
    law = 20.0 * (0.1 - before.joint_position[0]) - 3.0 * before.joint_velocity[0]
    assert simulation.read().joint_effort[0] == pytest.approx(law)
    simulation.step(0.798)
    before = simulation.read()
    simulation.step(TICK)
    assert simulation.read().joint_effort[0] == pytest.approx(-3.0 * before.joint_velocity[0])


def stiffness(simulation: Simulation) -> float:
    return float(simulation.model.actuator_gainprm[0, 0])


def test_after_a_silence_that_damped_the_joints_stiffness_rises_within_a_second(arm: MakeSimulation) -> None:
    simulation = arm(command_timeout=True)
    simulation.apply(command([0.1], kp=20.0, kd=3.0))
    simulation.step(0.9)
    simulation.apply(command([0.1], kp=20.0, kd=3.0))
    assert stiffness(simulation) == pytest.approx(20.0)
    simulation.step(1.1)
    assert stiffness(simulation) == 0.0
    seen = []
    for _ in range(6):
        simulation.apply(command([0.5], kp=20.0, kd=3.0))
        seen.append(stiffness(simulation))
        simulation.step(0.25)
    assert seen == pytest.approx([0.0, 5.0, 10.0, 15.0, 20.0, 20.0])


def test_who_begins_with_zero_stiffness_after_a_silence_raises_it_alone(arm: MakeSimulation) -> None:
    simulation = arm(command_timeout=True)
    simulation.apply(command([0.1], kp=20.0, kd=3.0))
    simulation.step(1.1)
    simulation.apply(command([0.1], kp=0.0, kd=3.0))
    simulation.apply(command([0.1], kp=20.0, kd=3.0))
    assert stiffness(simulation) == pytest.approx(20.0)


def test_a_reset_forgets_that_joints_were_damped(arm: MakeSimulation) -> None:
    simulation = arm(command_timeout=True)
    simulation.apply(command([0.1], kp=20.0, kd=3.0))
    simulation.step(1.1)
    simulation.reset()
    simulation.apply(command([0.1], kp=20.0, kd=3.0))
    assert stiffness(simulation) == pytest.approx(20.0)


def test_time_may_wait_without_timeouts(arm: MakeSimulation) -> None:
    simulation = arm()
    simulation.apply(command([0.1], kp=20.0, kd=3.0))
    simulation.step(3.0)
    assert simulation.read().joint_position[0] == pytest.approx(0.1, abs=1e-3)


def test_a_reset_forgets_commands_on_their_way(arm: MakeSimulation) -> None:
    simulation = arm(variation=dataclasses.replace(arm().config.variation, action_latency=(0.01, 0.01)))
    simulation.apply(command([0.5], kp=20.0, kd=0.0))
    simulation.reset()
    simulation.step(0.1)
    assert simulation.read().joint_effort[0] == simulation.read().joint_position[0] == 0.0


def test_a_reset_forgets_that_commands_stayed_away(arm: MakeSimulation) -> None:
    simulation = arm(command_timeout=True, hold_kp=20.0, hold_kd=3.0)
    simulation.apply(command([0.5], kp=20.0, kd=3.0))
    simulation.step(0.1)
    simulation.reset()
    simulation.step(2.0)
    simulation.data.qpos[0] = 0.1
    simulation.step(TICK)
    # Held still: damped joints would give way.
    assert simulation.read().joint_effort[0] == pytest.approx(20.0 * -0.1, rel=0.01)


def test_action_latency_delays_commands_in_order(arm: MakeSimulation) -> None:
    simulation = arm(variation=dataclasses.replace(arm().config.variation, action_latency=(0.01, 0.01)))
    simulation.apply(command([0.0], kp=0.0, kd=0.0, effort=1.0))
    simulation.step(2 * TICK)
    simulation.apply(command([0.0], kp=0.0, kd=0.0, effort=2.0))
    efforts = []
    for _ in range(7):
        simulation.step(TICK)
        efforts.append(simulation.read().joint_effort[0])
    assert efforts == pytest.approx([0, 0, 0, 1, 1, 2, 2])


def test_in_a_pause_delayed_commands_replace_each_other(arm: MakeSimulation) -> None:
    simulation = arm(variation=dataclasses.replace(arm().config.variation, action_latency=(0.01, 0.01)))
    for effort in range(1000):
        simulation.apply(command([0.0], kp=0.0, kd=0.0, effort=effort / 1000))
    assert simulation.waiting_commands == 1
    simulation.step(0.01)
    simulation.step(TICK)
    assert simulation.read().joint_effort[0] == pytest.approx(0.999)


@pytest.mark.parametrize(
    ('broken', 'words'),
    [
        ({'position': np.zeros(2)}, 'position has 2 values for 1 joints'),
        ({'effort': np.array([np.nan])}, 'effort is not finite'),
        ({'kp': np.array([-1.0])}, 'at least 0'),
        ({'duration': -1.0}, 'duration'),
        ({'duration': 1e307}, 'duration'),
        ({'kd': np.array([1e300])}, 'kd is beyond'),
        ({'velocity': np.array([-1e300])}, 'velocity is beyond'),
        ({'max_deviation': np.inf}, 'max_deviation'),
    ],
)
def test_faulty_commands_are_refused(arm: MakeSimulation, broken: dict[str, Any], words: str) -> None:
    simulation = arm()
    with pytest.raises(ValueError, match=words):
        simulation.apply(dataclasses.replace(command([0.0]), **broken))


def test_motor_strength_scales_torque_and_limit(arm: MakeSimulation) -> None:
    simulation = arm(variation=dataclasses.replace(arm().config.variation, motor_strength=(0.5, 0.5)))
    simulation.apply(command([0.1], kp=20.0, kd=0.0, effort=1.0))
    simulation.step(TICK)
    assert simulation.read().joint_effort[0] == pytest.approx(0.5 * (20.0 * 0.1 + 1.0))
    simulation.apply(command([3.0], kp=500.0, kd=0.0))
    simulation.step(TICK)
    assert simulation.read().joint_effort[0] == pytest.approx(0.5 * ARM_EFFORT)
