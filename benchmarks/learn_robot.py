"""Learn a robot task without ROS: the same simulation, sensing, gate, agent and replay in one loop, as fast as it goes.

For choosing settings and for comparing seeds: an hour of robot time takes as long as its updates take.

    ./run python benchmarks/learn_robot.py --steps 72000 --updates-per-step 0.5 --seed 0 --out runs/offline
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import torch
import yaml

from dreamer_actor.exploration import RandomPolicy
from dreamer_drivers.command import Measurement
from dreamer_drivers.robot import load_gate
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.batch import to_tensors
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
REPORT_EVERY = 6000  # steps: five minutes of robot time at 20 Hz


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--robot', default='a1')
    parser.add_argument('--task', default='a1_walk')
    parser.add_argument('--agent', default='dreamer_v3')
    parser.add_argument('--size', default='cpu')
    parser.add_argument('--steps', type=int, default=72000)
    parser.add_argument('--updates-per-step', type=float, default=0.5)
    parser.add_argument('--prefill', type=int, default=2000, help='steps of random exploration')
    parser.add_argument('--publish-every', type=int, default=100, help='steps between two sets of weights for the policy')
    parser.add_argument('--velocity-source', default='estimate', choices=['estimate', 'ground_truth'])
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--compile', action='store_true', help='faster updates after a first one of about a minute')
    parser.add_argument('--precision', choices=PRECISIONS, default='float32', help='of matrix products and convolutions')
    parser.add_argument('--overrides', default='{}', help='YAML mapping stacked onto the agent, for example {replay: {batch: 8}}')
    parser.add_argument('--out', type=Path, default=None, help='folder for progress.csv')
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    try:
        learn(arguments)
    except ConfigError as error:
        raise SystemExit(f'error: {error}') from None
    except KeyboardInterrupt:
        raise SystemExit('interrupted') from None


def learn(arguments: argparse.Namespace) -> None:
    robot = Robot(ROOT / 'config', arguments.robot, arguments.task, arguments.seed, arguments.velocity_source)
    config = load_agent(ROOT / 'config', arguments.agent, arguments.size, yaml.safe_load(arguments.overrides))
    keep_freed_memory()
    agent = Agent(config, robot.task, seed=arguments.seed, precision=arguments.precision)
    if arguments.compile:
        check_compiler(agent.device)
        agent.compile()
    policy = Policy(config, robot.task, seed=arguments.seed)
    replay = Replay.of(config, robot.task, arguments.seed)
    random = RandomPolicy(robot.task.action, arguments.seed, robot.task.control_rate)
    carry, credit, rewards, parts, metrics, started = policy.initial(1), 0.0, [], [], {}, False
    begin = last = time.monotonic()
    rows = []
    for t in range(arguments.steps):
        seen = robot.observe()
        obs = seen.tensors
        action, carry, latent = policy.act(carry, obs, np.array([seen.is_first]))
        if not started:
            action = random.act(1)
            carry = carry._replace(action=action)
        replay.add(seen.stream, 0, seen.step, {k: v[0] for k, v in obs.items()}, action[0], seen.reward, seen.is_first,
                   seen.is_last, seen.is_terminal, {k: v[0] for k, v in latent.items()} if started and latent else None)
        robot.act(action[0])
        if not seen.is_first:
            rewards.append(seen.reward)
            parts.append(list(seen.parts.values()))
        if t >= config.replay.start:
            credit += arguments.updates_per_step
            while credit >= 1:
                credit -= 1
                batch = to_tensors(replay.sample(config.replay.batch, config.replay.length))
                metrics = agent.train_step(batch)
                if metrics['latents'] is not None:
                    latents = metrics['latents']
                    known = batch['index'], batch['mirrored'], latents['deter'], latents['stoch']
                    replay.update_latents(*(x.numpy() for x in known))
            if t >= arguments.prefill and t % arguments.publish_every == 0:
                policy.load(agent.policy_parameters())
                started = True
        if (t + 1) % (REPORT_EVERY // 6) == 0:
            now = time.monotonic()
            names = list(seen.parts)
            mean = np.mean(parts, 0)
            print(f'{(t + 1) / robot.task.control_rate / 60:6.1f} min  reward {np.mean(rewards):6.2f}  '
                  + ' '.join(f'{n}={v:.2f}' for n, v in zip(names, mean))
                  + f'  updates {agent.updates}  {(now - last) / (REPORT_EVERY // 6) * 1000:.1f} ms/step '
                  + ' '.join(f'{k}={v:.3g}' for k, v in metrics.items() if k != 'latents'), flush=True)
            rows.append([t + 1, float(np.mean(rewards)), agent.updates, now - begin])
            rewards, parts, last = [], [], now
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        with open(arguments.out / 'progress.csv', 'w', newline='') as file:
            csv.writer(file).writerows([['steps', 'reward', 'updates', 'seconds'], *rows])


if __name__ == '__main__':
    main()
