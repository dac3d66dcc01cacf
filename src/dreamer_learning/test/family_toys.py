"""Small versions of the five agents, and batches with an episode boundary anywhere, for the properties that all of them share."""

import functools
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import torch
from learning_toys import CONFIG_DIR
from torch import Tensor

from dreamer_learning.agent_config import AgentConfig, load_agent
from dreamer_learning.batch import OBSERVATION
from dreamer_learning.config import merge
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec

AGENTS = ('planet', 'dreamer_v1', 'dreamer_v2', 'dreamer_v3', 'daydreamer')
BATCH, LENGTH, ACTIONS = 3, 5, 3
Seen = Literal['vector', 'image', 'both']
TINY: dict[str, Any] = {
    'networks': {'units': 12, 'depth': 2, 'image_blocks': 2, 'encoder_layers': 1, 'decoder_layers': 1},
    'dynamics': {'deter': 16, 'hidden': 12, 'stoch': 3, 'classes': 5},
    'heads': {'bins': 21},
    'behaviour': {'horizon': 3, 'imagination_starts': 0,
                  'planning': {'horizon': 2, 'iterations': 2, 'candidates': 6, 'top': 2}},
    'optimiser': {'warmup': 0},
    'replay': {'batch': BATCH, 'length': LENGTH, 'capacity': 100},
}
# Losses of each step on its own: the means of the batch that some agents take join what must stay apart.
APART: dict[str, Any] = {'loss': {'free_nats': 0.0, 'free_mean': False, 'kl_target': 0.0}, 'behaviour': {'value_centering': 0.0}}


def tiny(agent: str, overrides: dict[str, Any] | None = None, blocks: Iterable[str] = ()) -> AgentConfig:
    """Size `cpu` of an agent with few units."""
    return load_agent(CONFIG_DIR, agent, 'cpu', merge(TINY, overrides or {}), blocks)


@functools.cache
def shrunk(agent: str, discrete: bool = False) -> AgentConfig:
    """`tiny` for a kind of actions, read once."""
    return tiny(agent, blocks=fitting(agent, discrete))


def fitting(name: str, discrete: bool) -> list[str]:
    """The blocks without which an agent refuses a kind of actions."""
    return ['discrete'] if discrete and name == 'dreamer_v1' else []


def able(name: str, discrete: bool) -> bool:
    """Planning knows continuous actions only."""
    return not (discrete and name == 'planet')


def task_of(seen: Seen = 'vector', discrete: bool = False) -> Task:
    """Two vectors, an image of 64 x 64 pixels, or all three."""
    observation = {'pose': TensorSpec((4,)), 'speed': TensorSpec((2, 2))} if seen != 'image' else {}
    if seen != 'vector':
        observation['camera'] = TensorSpec((64, 64, 1), 'uint8')
    return Task('toy', 20.0, 10, 'toy', observation, ActionSpec(ACTIONS, discrete))


def observe(task: Task, rng: np.random.Generator, *leading: int, scale: float = 1.0) -> dict[str, np.ndarray]:
    """Random observations by name, (*leading, ...); vectors are normal numbers of deviation `scale`."""
    return {
        name: rng.integers(0, 256, (*leading, *spec.shape)).astype(np.uint8) if spec.image
        else (scale * rng.normal(size=(*leading, *spec.shape))).astype(np.float32)
        for name, spec in task.observation.items()
    }


def random_batch(config: AgentConfig, task: Task, seed: int, scale: float = 1.0) -> dict[str, Tensor]:
    """A whole batch as the replay gives it: each entry of batch.py's table, with a stored state before each window.

    Args:
        scale: deviation of vectors and rewards.
    """
    rng, shape, spec = np.random.default_rng(seed), (BATCH, LENGTH), task.action
    first = rng.random(shape) < 0.2
    last = np.roll(first, -1, 1) & (np.arange(LENGTH) < LENGTH - 1)
    latent, classes = config.latent_spec, config.dynamics.classes

    def act(*leading: int) -> np.ndarray:
        if spec.discrete:
            return rng.integers(0, spec.size, leading).astype(np.int32)
        return rng.uniform(-1, 1, (*leading, spec.size)).astype(np.float32)

    arrays = {
        **{OBSERVATION + name: value for name, value in observe(task, rng, *shape, scale=scale).items()},
        'action': act(*shape), 'reward': (scale * rng.normal(size=shape)).astype(np.float32),
        'is_first': first, 'is_last': last, 'is_terminal': last & (rng.random(shape) < 0.5), 'previous_action': act(BATCH),
        'context_deter': rng.uniform(-1, 1, (BATCH, latent.deter)).astype(np.float16),
        'context_stoch': rng.integers(0, classes, (BATCH, latent.stoch)).astype(np.uint8),
        'context_valid': np.ones(BATCH, bool), 'index': np.arange(BATCH * LENGTH).reshape(shape),
    }
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


def begin_at(batch: dict[str, Tensor], place: int) -> None:
    """Every window has a step `place` with which an episode begins; the replay marks the step before it as the last."""
    batch['is_first'][:, place] = True
    if place:
        batch['is_last'][:, place - 1] = True


def joined(before: dict[str, Tensor], after: dict[str, Tensor], place: int) -> dict[str, Tensor]:
    """All of `before` up to step `place`, what precedes the window included, and from there on `after`."""
    timeless = {'previous_action', 'context_deter', 'context_stoch', 'context_valid'}
    return {
        name: value if name in timeless else torch.cat([value[:, :place], after[name][:, place:]], 1)
        for name, value in before.items()
    }


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
