"""The whole loop on a toy: act, store, sample, train, refresh latents, act with new weights."""

import numpy as np
import pytest
import torch
from learning_toys import small_config

from dreamer_learning.agent import Agent
from dreamer_learning.batch import to_tensors
from dreamer_learning.policy import Policy
from dreamer_learning.replay import LatentSpec, Replay
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec

EPISODE = 8


class Point:
    """A point on a line that is moved towards a target: reward -(distance^2)."""

    def __init__(self, discrete: bool, seed: int) -> None:
        self.discrete, self.random = discrete, np.random.default_rng(seed)
        self.place = self.target = self.reward = 0.0

    def reset(self) -> None:
        self.place, self.target = self.random.uniform(-1, 1, 2)
        self.reward = 0.0

    def move(self, action: np.ndarray) -> None:
        step = (float(action) - 1) if self.discrete else float(action[0])
        self.place = float(np.clip(self.place + 0.5 * step, -1, 1))
        self.reward = -(self.place - self.target) ** 2

    def observe(self) -> dict[str, np.ndarray]:
        return {'point': np.array([self.place, self.target], np.float32)}


@pytest.mark.parametrize('discrete', [False, True])
def test_return_improves_within_a_few_hundred_updates(discrete: bool) -> None:
    config = small_config(
        networks={'units': 32}, dynamics={'deter': 64, 'hidden': 32},
        optimiser={'learning_rate': 2e-3, 'warmup': 10}, replay={'batch': 8, 'length': 8})
    task = Task('point', 20.0, EPISODE, 'point', {'point': TensorSpec((2,))}, ActionSpec(3 if discrete else 1, discrete))
    agent, policy, point = Agent(config, task, seed=0), Policy(config, task, seed=0), Point(discrete, 0)
    replay = Replay(10_000, task, LatentSpec(config.dynamics.deter, config.dynamics.stoch), 0, config.replay.length)
    carry, returns = policy.initial(1), []
    for step in range(60 * EPISODE):
        place = step % EPISODE
        if place == 0:
            point.reset()
            returns.append(0.0)
        returns[-1] += point.reward
        obs, first = point.observe(), place == 0
        action, carry, latent = policy.act(carry, {'point': obs['point'][None]}, np.array([first]))
        replay.add(1, 0, step, obs, action[0], point.reward, first, place == EPISODE - 1, False,
                   {name: value[0] for name, value in latent.items()})
        point.move(action[0])
        if step >= 80:
            batch = replay.sample(config.replay.batch, config.replay.length)
            latents = agent.train_step(to_tensors(batch))['latents']
            replay.update_latents(batch['index'], latents['deter'].numpy(), latents['stoch'].numpy())
            if step % 4 == 0:
                policy.load(agent.policy_parameters())
    before, after = np.mean(returns[:10]), np.mean(returns[-20:])
    assert after > 0.5 * before, f'mean return {before:.2f} before, {after:.2f} after'
    assert torch.isfinite(torch.tensor(returns)).all()
