"""Whether the mirror of a shipped task is that of its robot: what it does with left and right exchanged is what it did before,
with left and right exchanged."""

from pathlib import Path

import numpy as np
import pytest

from dreamer_drivers.command import Measurement
from dreamer_drivers.robot import load_gate
from dreamer_learning.mirror import turn_vector
from dreamer_learning.spaces import Task, load_task
from dreamer_mujoco.config import load_simulation
from dreamer_mujoco.simulation import Command, Simulation
from dreamer_sensing.observer import Observer
from dreamer_sensing.settings import load_sensing

CONFIG = Path(__file__).resolve().parent.parent / 'config'


def run(task: Task, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Proprioception (T, J + 4) and rewards (T) of a robot that begins on its feet."""
    urdf, settings = load_simulation(CONFIG, task.robot)
    simulation = Simulation(urdf, settings, 0)
    simulation.reset('stand')
    _, gate = load_gate(CONFIG, task.robot, task)
    observer = Observer(task, *load_sensing(CONFIG, task.robot), 'estimate')
    seen, rewards = [], []
    for action in actions:
        r = simulation.read()
        step = observer.observe(r.time, r.joint_position, r.joint_velocity, r.joint_effort, r.orientation, r.angular_velocity,
                                r.linear_acceleration)
        seen.append(step.tensors['proprioception'][0].copy())
        rewards.append(step.reward)
        gate.measure(Measurement(r.time, r.joint_position, r.joint_velocity))
        gate.submit(action, r.time, r.time)
        c = gate.command(r.time)
        simulation.apply(Command(position=c.position, velocity=c.velocity, effort=c.effort, kp=c.kp, kd=c.kd, duration=c.duration,
                                 max_deviation=c.max_deviation))
        simulation.step(1 / task.control_rate)
    return np.array(seen), np.array(rewards)


@pytest.mark.parametrize('name', ['a1_walk'])
def test_the_mirrored_robot_does_the_same_on_the_other_side(name: str) -> None:
    task = load_task(CONFIG, name)
    side, other = (turn_vector(task.mirror[key], (size,)) for key, size in (('proprioception', 16), ('action', 12)))
    time = np.arange(20)[:, None]
    actions = (0.3 * np.sin(0.5 * time + np.arange(12)) + np.tile([0.1, -0.2, 0.6], 4)).astype(np.float32)
    seen, rewards = run(task, actions)
    mirrored, mirrored_rewards = run(task, other(actions))
    # On average over the steps: the published masses are not quite alike on both sides, and contacts make small differences grow.
    error, size = np.abs(mirrored - side(seen)).mean(0), np.abs(seen).mean(0)
    limits = np.array([0.015] * 14 + [0.1] * 2)  # rad, rad/s
    assert (error < limits).all(), error
    assert (size > 2 * limits).all(), size  # with a wrong sign anywhere it would not be
    np.testing.assert_allclose(mirrored_rewards, rewards, atol=0.5)
