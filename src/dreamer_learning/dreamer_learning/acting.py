"""What acting is, whatever computes the networks: recurrent state, random numbers, exploration. Does not import torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from dreamer_learning.spaces import Task


class Carry(NamedTuple):
    """State of E environments between two steps: deter (E, D), stoch (E, C*S), the last action (E, A)."""

    deter: np.ndarray
    stoch: np.ndarray
    action: np.ndarray


@dataclasses.dataclass(frozen=True)
class Acting:
    """What acting needs to know of an agent beside its networks.

    Attributes:
        deter: D.
        stoch, classes: S latent variables of C classes; C is 1 where they are gaussian.
        latent, exploration, exploration_amount, evaluation: see agent_config.
        keeps_latent: whether the replay keeps the state of each step.
        plans: whether a planner chooses actions, which draws its own numbers.
    """

    deter: int
    stoch: int
    classes: int
    latent: Literal['categorical', 'gaussian']
    exploration: Literal['sample', 'noise', 'epsilon']
    exploration_amount: float
    evaluation: Literal['mode', 'sample']
    keeps_latent: bool
    plans: bool = False


class RecurrentPolicy:
    """A recurrent policy but for its networks, which `_step` and `initial` bring."""

    def __init__(self, acting: Acting, task: Task, seed: int) -> None:
        self.acting, self.task = acting, task
        self.generator = np.random.default_rng(seed)

    def initial(self, envs: int) -> Carry:
        """State of environments that have seen nothing."""
        raise NotImplementedError

    def _step(self, carry: Carry, observation: Mapping[str, np.ndarray], noise: np.ndarray,
              draw: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Deter (E, D), stoch (E, C*S) and action (E, A), one-hot where discrete; the random numbers are those of `_draw`."""
        raise NotImplementedError

    def act(self, carry: Carry, obs: Mapping[str, np.ndarray], is_first: np.ndarray,
            mode: Literal['train', 'eval'] = 'train') -> tuple[np.ndarray, Carry, dict[str, np.ndarray]]:
        """One step.

        Args:
            carry: of the step before; counts as that of `initial` where is_first.
            obs: name -> (E, ...), float32 or uint8 images.
            is_first: (E) bool.
            mode: 'train' explores as behaviour.exploration says; 'eval' takes what behaviour.evaluation says.

        Returns:
            action (E, A) float32 in [-1, 1] or (E) int32; the next carry; the latent for the replay, 'deter' (E, D)
            float16 and 'stoch' (E, S) uint8, where it keeps one.

        Raises:
            ValueError: an observation is missing or has the wrong shape.
        """
        observation = self._observation(obs, len(is_first))
        training = mode == 'train'
        noise, draw = self._draw(len(is_first), training or self.acting.evaluation == 'sample')
        if is_first.any():
            first = np.asarray(is_first, bool)[:, None]
            carry = Carry(*(np.where(first, new, part) for new, part in zip(self.initial(len(first)), carry)))
        deter, stoch, action = self._step(carry, observation, noise, draw)
        if training and self.acting.exploration_amount:
            action = self._explore(action)
        if not self.task.action.discrete:
            action = action.clip(-1.0, 1.0)  # the model sees actions limited to [-1, 1] too
        chosen = action.argmax(-1).astype(np.int32) if self.task.action.discrete else action
        return chosen, Carry(deter, stoch, action), self._latent(deter, stoch)

    def _latent(self, deter: np.ndarray, stoch: np.ndarray) -> dict[str, np.ndarray]:
        """What the replay keeps of the state."""
        if not self.acting.keeps_latent:
            return {}
        index = stoch.reshape(len(stoch), -1, self.acting.stoch).argmax(1)
        return {'deter': deter.astype(np.float16), 'stoch': index.astype(np.uint8)}

    def _explore(self, action: np.ndarray) -> np.ndarray:
        """Add noise to an action (E, A), or replace it by a random choice. Choices stay one-hot."""
        amount, choices = self.acting.exploration_amount, np.eye(action.shape[-1], dtype=np.float32)
        if self.acting.exploration == 'noise':
            action = action + amount * self.generator.standard_normal(action.shape, np.float32)
            return choices[action.argmax(-1)] if self.task.action.discrete else action
        random = choices[self.generator.integers(action.shape[-1], size=len(action))]
        return np.where(self.generator.random((len(action), 1)) < amount, random, action)

    def _draw(self, envs: int, sampled: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Random numbers of a step: for the latent (E, 1, S), see latents.py; for the action normal (E, A), uniform (E, 1) where
        discrete, None for the most likely one."""
        acting, action = self.acting, self.task.action
        normal, uniform = self.generator.standard_normal, self.generator.random
        noise = (uniform if acting.latent == 'categorical' else normal)((envs, 1, acting.stoch), np.float32)
        if not sampled or acting.plans:
            return noise, None
        return noise, uniform((envs, 1), np.float32) if action.discrete else normal((envs, action.size), np.float32)

    def _observation(self, obs: Mapping[str, np.ndarray], envs: int) -> dict[str, np.ndarray]:
        result = {}
        for name, spec in self.task.observation.items():
            if name not in obs:
                raise ValueError(f"observation '{name}' is missing")
            array = np.ascontiguousarray(obs[name], dtype=spec.dtype)
            if array.shape != (envs, *spec.shape):
                raise ValueError(f"observation '{name}' has shape {array.shape}, expected {(envs, *spec.shape)}")
            result[name] = array
        return result
