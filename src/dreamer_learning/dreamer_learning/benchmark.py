"""Speed of an agent on random data: milliseconds per update and per action."""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch
from torch import Tensor

from dreamer_learning.acting import RecurrentPolicy
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.batch import to_tensors
from dreamer_learning.policy import Policy
from dreamer_learning.replay import Replay
from dreamer_learning.spaces import Task


def random_batch(config: AgentConfig, task: Task, seed: int = 0, episode: int = 250) -> dict[str, Tensor]:
    """A batch of the configured size from a replay of random steps in episodes of the given length."""
    rng = np.random.default_rng(seed)
    steps = config.replay.batch + config.replay.length + episode
    replay = Replay(steps, task, config.latent_spec, seed)
    for step in range(steps):
        obs = {
            name: rng.integers(0, 256, spec.shape, np.uint8) if spec.image else rng.normal(size=spec.shape)
            for name, spec in task.observation.items()
        }
        size = task.action.size
        action = int(rng.integers(size)) if task.action.discrete else rng.uniform(-1, 1, size)
        place = step % episode
        replay.add(0, 0, step, obs, action, rng.normal(), place == 0, place == episode - 1, False)
    return to_tensors(replay.sample(config.replay.batch, config.replay.length))


def update_times(config: AgentConfig, task: Task, updates: int = 20, device: str = 'cpu') -> list[float]:
    """Milliseconds of each update after three that do not count."""
    agent = Agent(config, task, device)
    batch = {name: value.to(device) for name, value in random_batch(config, task).items()}
    times = []
    for _ in range(updates + 3):
        start = time.perf_counter()
        agent.train_step(batch)  # its metrics are numbers, so the device has finished
        times.append(1e3 * (time.perf_counter() - start))
    return times[3:]


def action_times(config: AgentConfig, task: Task, actions: int = 500) -> list[float]:
    """Milliseconds of each action of one environment on the CPU; see step_times."""
    return step_times(Policy(config, task), actions)


def step_times(policy: RecurrentPolicy, actions: int = 500) -> list[float]:
    """Milliseconds of each action of one environment, after fifty that do not count."""
    carry, first = policy.initial(1), np.zeros(1, bool)
    obs = {name: np.zeros((1, *spec.shape), spec.dtype) for name, spec in policy.task.observation.items()}
    times = []
    for _ in range(actions + 50):
        start = time.perf_counter()
        _, carry, _ = policy.act(carry, obs, first)
        times.append(1e3 * (time.perf_counter() - start))
    return times[50:]


def summary(config: AgentConfig, task: Task) -> str:
    """One line: medians and the slowest percent."""
    updates, actions = update_times(config, task), action_times(config, task)
    slow = sorted(actions)[int(0.99 * len(actions))]
    return (f'{config.agent} {config.size}: {statistics.median(updates):.1f} ms an update, '
            f'{statistics.median(actions):.3f} ms an action (99%: {slow:.3f}), {torch.get_num_threads()} threads')
