"""Learn a robot task without ROS: the same simulation, sensing, gate, agent and replay in one loop, as fast as it goes.

For choosing settings and for comparing seeds: an hour of robot time takes as long as its updates take.

    ./run python benchmarks/learn_robot.py --steps 72000 --updates-per-step 0.5 --seed 0 --out runs/offline
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import common
import numpy as np
import torch
from robot_report import Report

from dreamer_actor.exploration import RandomPolicy
from dreamer_drivers.command import Measurement
from dreamer_drivers.robot import load_gate
from dreamer_learner.updater import TrainingFailed, Updater
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.config import ConfigError
from dreamer_learning.devices import PRECISIONS, check_compiler, keep_freed_memory
from dreamer_learning.policy import Policy
from dreamer_learning.replay import Replay
from dreamer_learning.spaces import load_task
from dreamer_mujoco.config import load_simulation
from dreamer_mujoco.simulation import Command, Simulation
from dreamer_sensing.observer import Observer, SensedStep
from dreamer_sensing.proprioception import rotation_matrix
from dreamer_sensing.settings import load_sensing

ROOT = Path(__file__).resolve().parent.parent


class Robot:
    """Simulation, gate and sensing of one robot: `step(action)` -> the next observation."""

    def __init__(self, config_dir: Path, robot: str, task_name: str, seed: int, velocity: str) -> None:
        self.task = load_task(config_dir, task_name)
        urdf, simulation = load_simulation(config_dir, robot)
        self.simulation = Simulation(urdf, simulation, seed)
        _, self.gate = load_gate(config_dir, robot, self.task)
        sensing, path = load_sensing(config_dir, robot)
        self.observer = Observer(self.task, sensing, path, velocity)
        self.period = 1.0 / self.task.control_rate
        self.reading = self.simulation.read()

    def observe(self) -> SensedStep:
        r = self.reading
        return self.observer.observe(
            r.time, r.joint_position, r.joint_velocity, r.joint_effort, r.orientation, r.angular_velocity,
            r.linear_acceleration, true_velocity=rotation_matrix(r.base_orientation) @ r.base_linear_velocity)

    def act(self, action: np.ndarray) -> None:
        r = self.reading
        self.gate.measure(Measurement(r.time, r.joint_position, r.joint_velocity))
        self.gate.submit(action, r.time, r.time)
        c = self.gate.command(r.time)
        self.simulation.apply(Command(
            position=c.position, velocity=c.velocity, effort=c.effort, kp=c.kp, kd=c.kd, duration=c.duration,
            max_deviation=c.max_deviation))
        self.simulation.step(self.period)
        self.reading = self.simulation.read()


class Trial:
    """One agent that learns a robot task from one seed.

    Args:
        arguments: see parse.

    Raises:
        ConfigError: unknown robot, task, agent, size or override.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        config_dir, overrides = ROOT / 'config', common.mapping('--overrides', arguments.overrides)
        self.robot = Robot(config_dir, arguments.robot, arguments.task, arguments.seed, arguments.velocity_source)
        self._config = load_agent(config_dir, arguments.agent, arguments.size, overrides)
        keep_freed_memory()
        task = self.robot.task
        self._agent = Agent(self._config, task, seed=arguments.seed, precision=arguments.precision)
        if arguments.compile:
            check_compiler(self._agent.device)
            self._agent.compile()
        self._policy = Policy(self._config, task, seed=arguments.seed)
        self._replay = Replay.of(self._config, task, arguments.seed)
        self.updater = Updater(self._agent, self._replay, common.warn, common.info)
        self._random = RandomPolicy(task.action, arguments.seed, task.control_rate)
        self._per_step, self._prefill, self._every = arguments.updates_per_step, arguments.prefill, arguments.publish_every
        self._carry, self._credit, self._started = self._policy.initial(1), 0.0, False

    def step(self, count: int) -> SensedStep:
        """Observe, act and train; `count` steps were before this one.

        Raises:
            TrainingFailed: too many updates in a row without a finite loss.
        """
        seen = self.robot.observe()
        obs = seen.tensors
        action, self._carry, latent = self._policy.act(self._carry, obs, np.array([seen.is_first]))
        if not self._started:
            action = self._random.act(1)
            self._carry = self._carry._replace(action=action)
        known = {name: part[0] for name, part in latent.items()} if self._started and latent else None
        self._replay.add(seen.stream, 0, seen.step, {name: part[0] for name, part in obs.items()}, action[0], seen.reward,
                         seen.is_first, seen.is_last, seen.is_terminal, known)
        self.robot.act(action[0])
        if count >= self._config.replay.start:
            self._train(count)
        return seen

    def _train(self, count: int) -> None:
        """The updates that one more step is worth."""
        self._credit += self._per_step
        while self._credit >= 1:
            self._credit -= 1
            self.updater.update()
        if count >= self._prefill and count % self._every == 0 and self.updater.sound:
            self._policy.load(self._agent.policy_parameters())
            self._started = True


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--robot', default='a1')
    parser.add_argument('--task', default='a1_walk')
    parser.add_argument('--agent', default='dreamer_v3')
    parser.add_argument('--size', default='cpu')
    parser.add_argument('--steps', type=common.number(1), default=72000)
    parser.add_argument('--updates-per-step', type=common.number(0.0), default=0.5)
    parser.add_argument('--prefill', type=common.number(0), default=2000, help='steps of random exploration')
    parser.add_argument('--publish-every', type=common.number(1), default=100,
                        help='steps between two sets of weights for the policy')
    parser.add_argument('--velocity-source', default='estimate', choices=['estimate', 'ground_truth'])
    parser.add_argument('--seed', type=common.seed, default=0)
    parser.add_argument('--threads', type=common.number(1), default=1)
    parser.add_argument('--compile', action='store_true', help='faster updates after a first one of about a minute')
    parser.add_argument('--precision', choices=PRECISIONS, default='float32', help='of matrix products and convolutions')
    parser.add_argument('--overrides', default='{}', help='YAML mapping stacked onto the agent, for example {replay: {batch: 8}}')
    parser.add_argument('--out', type=Path, help='folder for progress.csv and learning_curve.png')
    return parser.parse_args(arguments)


def learn(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    trial = Trial(arguments)
    title = f'{arguments.task}, {arguments.agent} {arguments.size}, seed {arguments.seed}'
    with Report(arguments.out, trial.updater, trial.robot.task.control_rate, title) as report:
        for count in range(arguments.steps):
            report.add(trial.step(count))


def main() -> None:
    try:
        learn(parse(sys.argv[1:]))
    except (ConfigError, TrainingFailed, OSError) as error:
        raise SystemExit(f'error: {error}') from None
    except KeyboardInterrupt:
        raise SystemExit('interrupted') from None


if __name__ == '__main__':
    main()
