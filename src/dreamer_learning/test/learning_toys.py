"""Small configurations and batches for the tests of this package."""

from pathlib import Path

import numpy as np
import torch

from dreamer_learning.agent_config import AgentConfig, load_agent
from dreamer_learning.batch import to_tensors
from dreamer_learning.replay import Replay
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec

CONFIG_DIR = Path(__file__).resolve().parents[3] / 'config'
SMALL: dict[str, dict] = {
    'networks': {'units': 16, 'depth': 2, 'image_blocks': 4},
    'dynamics': {'deter': 32, 'hidden': 16, 'stoch': 4, 'classes': 4, 'blocks': 4},
    'heads': {'bins': 41, 'actor_min_std': 0.1, 'actor_max_std': 1.0},
    'behaviour': {
        'horizon': 5, 'imagination_starts': 0, 'discount_horizon': 333.0, 'entropy': 3e-4, 'slow_rate': 0.02,
        'entropy_target': 0.0, 'entropy_scales': 'each', 'advantage_normalisation': 'none', 'discount_in_target': True,
        'value_centering': 0.0, 'rollouts': 1, 'mean_penalty': 0.0,
    },
    'optimiser': {'warmup': 0},
    'replay': {'capacity': 1000, 'batch': 4, 'length': 8, 'start': 16},
}


def small_config(**overrides: dict) -> AgentConfig:
    merged = {key: {**SMALL.get(key, {}), **overrides.get(key, {})} for key in {**SMALL, **overrides}}
    return load_agent(CONFIG_DIR, 'dreamer_v3', 'cpu', merged)


def small_task(discrete: bool = False, image: bool = False, actions: int = 3) -> Task:
    observation = {'pose': TensorSpec((5,), angles=2), 'speed': TensorSpec((2, 2))}
    if image:
        observation['camera'] = TensorSpec((64, 64, 3), 'uint8')
    return Task('toy', 20.0, 10, 'toy', observation, ActionSpec(actions, discrete))


def filled_replay(config: AgentConfig, task: Task, steps: int = 60, seed: int = 0) -> Replay:
    """Random data in episodes of 10 steps, without stored latents."""
    rng = np.random.default_rng(seed)
    replay = Replay(config.replay.capacity, task, config.latent_spec, seed)
    for step in range(steps):
        obs = {
            name: rng.integers(0, 256, spec.shape).astype(np.uint8) if spec.image
            else rng.normal(size=spec.shape).astype(np.float32)
            for name, spec in task.observation.items()
        }
        size = task.action.size
        action = int(rng.integers(size)) if task.action.discrete else rng.uniform(-1, 1, size).astype(np.float32)
        place = step % 10
        replay.add(1, 0, step, obs, action, rng.normal(), place == 0, place == 9, False)
    return replay


def make_batch(config: AgentConfig, task: Task, seed: int = 0) -> dict[str, torch.Tensor]:
    replay = filled_replay(config, task, seed=seed)
    return to_tensors(replay.sample(config.replay.batch, config.replay.length))
