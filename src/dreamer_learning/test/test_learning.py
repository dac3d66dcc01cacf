"""The whole loop on a toy: act, store, sample, train, refresh latents, act with new weights."""

import numpy as np
import pytest
import torch
from learning_toys import CONFIG_DIR, small_config

from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig, load_agent
from dreamer_learning.batch import to_tensors
from dreamer_learning.config import merge
from dreamer_learning.policy import Policy
from dreamer_learning.replay import Replay
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


def learn(config: AgentConfig, discrete: bool, episodes: int) -> list[float]:
    """Return of each episode while the agent learns."""
    task = Task('point', 20.0, EPISODE, 'point', {'point': TensorSpec((2,))}, ActionSpec(3 if discrete else 1, discrete))
    agent, policy, point = Agent(config, task, seed=0), Policy(config, task, seed=0), Point(discrete, 0)
    replay = Replay(10_000, task, config.latent_spec, 0, config.replay.length)
    carry, returns = policy.initial(1), []
    for step in range(episodes * EPISODE):
        place = step % EPISODE
        if place == 0:
            point.reset()
            returns.append(0.0)
        returns[-1] += point.reward
        obs, first = point.observe(), place == 0
        action, carry, latent = policy.act(carry, {'point': obs['point'][None]}, np.array([first]))
        replay.add(1, 0, step, obs, action[0], point.reward, first, place == EPISODE - 1, False,
                   {name: value[0] for name, value in latent.items()} or None)
        point.move(action[0])
        if step >= 80:
            batch = replay.sample(config.replay.batch, config.replay.length)
            latents = agent.train_step(to_tensors(batch))['latents']
            if latents is not None:
                replay.update_latents(batch['index'], batch['mirrored'], latents['deter'].numpy(), latents['stoch'].numpy())
            if step % 4 == 0:
                policy.load(agent.policy_parameters())
    return returns


@pytest.mark.parametrize('discrete', [False, True])
def test_return_improves_within_a_few_hundred_updates(discrete: bool) -> None:
    config = small_config(
        networks={'units': 32}, dynamics={'deter': 64, 'hidden': 32},
        optimiser={'learning_rate': 2e-3, 'warmup': 10}, replay={'batch': 8, 'length': 8})
    check(learn(config, discrete, 60))


FAST: dict = {
    'networks': {'units': 32}, 'dynamics': {'deter': 32, 'hidden': 32}, 'loss': {'free_nats': 0.1},
    'optimiser': {'learning_rate': 3e-3, 'actor_rate': 3e-3, 'critic_rate': 3e-3},
    'replay': {'batch': 8, 'length': 8, 'start': 16}}
# How each is made to learn as much in as few updates.
OWN: dict[str, dict] = {
    # So small a network of ReLUs learned this in no run of 400 updates.
    'planet': {'networks': {'activation': 'elu'},
               'behaviour': {'planning': {'horizon': 3, 'iterations': 3, 'candidates': 32, 'top': 6}}},
    'dreamer_v1': {'behaviour': {'horizon': 5, 'discount_horizon': 10.0}},
    'dreamer_v2': {'behaviour': {'horizon': 5, 'discount_horizon': 10.0, 'slow_every': 10}},
    'daydreamer': {'behaviour': {'horizon': 5, 'discount_horizon': 10.0, 'slow_every': 10, 'entropy_target': 0.1}},
}


@pytest.mark.parametrize('agent', OWN)
def test_the_other_agents_learn_too(agent: str) -> None:
    config = load_agent(CONFIG_DIR, agent, 'cpu', merge(FAST, OWN[agent]))
    check(learn(config, False, 60))


def check(returns: list[float]) -> None:
    before, after = np.mean(returns[:10]), np.mean(returns[-20:])
    assert after > 0.5 * before, f'mean return {before:.2f} before, {after:.2f} after'
    assert torch.isfinite(torch.tensor(returns)).all()
