"""Acting: encoder, RSSM, and an actor or a planner. Batches of E environments, one step at a time, without gradients.

DreamerV3 on vectors and a CPU takes the way through NumPy (array_networks.py), all else that through torch. Both draw the same
random numbers and give the same actions up to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.array_networks import ArrayNetworks
from dreamer_learning.coders import Encoder
from dreamer_learning.heads import Actor, ScalarHead, feature_size
from dreamer_learning.planning import Planner
from dreamer_learning.rssm import RSSM
from dreamer_learning.spaces import Task
from dreamer_learning.weights import WeightsError


class Carry(NamedTuple):
    """State of E environments between two steps: deter (E, D), stoch (E, C*S), the last action (E, A)."""

    deter: np.ndarray
    stoch: np.ndarray
    action: np.ndarray


class PolicyNetworks(nn.Module):
    """The networks that acting needs; parameter names are those of Agent.policy_parameters."""

    def __init__(self, config: AgentConfig, task: Task) -> None:
        super().__init__()
        plans = config.behaviour.method == 'planning'
        self.encoder = Encoder(task.observation, config.networks)
        self.rssm = RSSM(config.dynamics, task.action.size, self.encoder.outputs, prior=plans, style=config.networks.style)
        features = feature_size(config)
        if plans:
            self.reward = ScalarHead(features, config.heads.reward_layers, config.heads.reward, config.networks, config.heads)
            self.planner = Planner(config.behaviour.planning, task.action.size)
        else:
            self.actor = Actor(features, task.action, config.networks, config.heads)


class Policy:
    """A recurrent policy. Until `load` it acts with untrained parameters."""

    def __init__(self, config: AgentConfig, task: Task, device: torch.device | str = 'cpu', seed: int = 0,
                 arrays: bool = True) -> None:
        """arrays False: through torch in any case."""
        self.config, self.task, self.device = config, task, torch.device(device)
        fitting = ArrayNetworks.fit(config, task) and self.device.type == 'cpu'
        self._arrays = ArrayNetworks(config, task) if arrays and fitting else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.networks = PolicyNetworks(config, task).to(self.device).requires_grad_(False)
        self.generator = np.random.default_rng(seed)
        torch.set_flush_denormal(True)  # of this thread; see Agent.train_step
        self._prepare()

    def _prepare(self) -> None:
        with torch.no_grad():
            self._first = [x.cpu().numpy() for x in self.networks.rssm.initial(1, self.device)]
        if self._arrays is not None:
            self._arrays.load(self.networks.state_dict())
            return
        with torch.no_grad():
            core = self.networks.rssm.core
            self._core, self._action = core.prepare(), core.action_weight()
            self._posterior = self.networks.rssm.posterior.deter_weight()

    def initial(self, envs: int) -> Carry:
        """State of environments that have seen nothing."""
        deter, stoch = (np.repeat(x, envs, 0) for x in self._first)
        return Carry(deter, stoch, np.zeros((envs, self.task.action.size), np.float32))

    def act(self, carry: Carry, obs: Mapping[str, np.ndarray], is_first: np.ndarray,
            mode: Literal['train', 'eval'] = 'train') -> tuple[np.ndarray, Carry, dict[str, np.ndarray]]:
        """One step.

        Args:
            carry: of the step before; counts as zero where is_first.
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
        behaviour = self.config.behaviour
        training = mode == 'train'
        noise, draw = self._draw(len(is_first), training or behaviour.evaluation == 'sample')
        if is_first.any():
            first = np.asarray(is_first, bool)[:, None]
            carry = Carry(*(np.where(first, new, part) for new, part in zip(self.initial(len(first)), carry)))
        step = self._act_tensors if self._arrays is None else self._act_arrays
        deter, stoch, action = step(carry, observation, noise, draw)
        if training and behaviour.exploration_amount:
            action = self._explore(action)
        if not self.task.action.discrete:
            action = action.clip(-1.0, 1.0)  # the model sees actions limited to [-1, 1] too
        chosen = action.argmax(-1).astype(np.int32) if self.task.action.discrete else action
        return chosen, Carry(deter, stoch, action), self._latent(deter, stoch)

    def _latent(self, deter: np.ndarray, stoch: np.ndarray) -> dict[str, np.ndarray]:
        """What the replay keeps of the state."""
        if not self.config.replay.context:
            return {}
        index = stoch.reshape(len(stoch), -1, self.config.dynamics.stoch).argmax(1)
        return {'deter': deter.astype(np.float16), 'stoch': index.astype(np.uint8)}

    def _explore(self, action: np.ndarray) -> np.ndarray:
        """Add noise to an action (E, A), or replace it by a random choice."""
        amount = self.config.behaviour.exploration_amount
        if self.config.behaviour.exploration == 'noise':
            return action + amount * self.generator.standard_normal(action.shape, np.float32)
        random = np.eye(action.shape[-1], dtype=np.float32)[self.generator.integers(action.shape[-1], size=len(action))]
        return np.where(self.generator.random((len(action), 1)) < amount, random, action)

    def _draw(self, envs: int, sampled: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Random numbers of a step: for the latent (E, 1, S), see latents.py; for the action normal (E, A), uniform (E, 1) where
        discrete, None for the most likely one."""
        dynamics, action = self.config.dynamics, self.task.action
        normal, uniform = self.generator.standard_normal, self.generator.random
        noise = (uniform if dynamics.latent == 'categorical' else normal)((envs, 1, dynamics.stoch), np.float32)
        if not sampled or self.config.behaviour.method == 'planning':
            return noise, None
        return noise, uniform((envs, 1), np.float32) if action.discrete else normal((envs, action.size), np.float32)

    def _act_arrays(self, carry: Carry, observation: Mapping[str, np.ndarray], noise: np.ndarray,
                    draw: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Deter (E, D), stoch (E, C*S), action (E, A)."""
        assert self._arrays is not None
        deter, stoch = self._arrays.filter(observation, *carry, noise)
        return deter, stoch, self._arrays.act(np.concatenate([deter, stoch], -1), draw)

    @torch.inference_mode()
    def _act_tensors(self, carry: Carry, observation: Mapping[str, np.ndarray], noise: np.ndarray,
                     draw: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As _act_arrays, through torch."""
        networks, rssm = self.networks, self.networks.rssm
        tokens = networks.encoder({name: self._tensor(array) for name, array in observation.items()})
        deter, stoch, action = (self._tensor(part) for part in carry)
        deter = rssm.core.step(self._core, deter, stoch, rssm.core.embed_action(self._action, action))
        raw = rssm.posterior(self._posterior, deter, rssm.posterior.project(tokens))
        stoch = rssm.latent.sample(rssm.latent.statistics(raw), self._tensor(noise))
        if self.config.behaviour.method == 'planning':
            seed = int(self.generator.integers(2**62))
            generator = torch.Generator(self.device).manual_seed(seed)
            action = networks.planner.plan(rssm, networks.reward, deter, stoch, generator)
        else:
            distribution = networks.actor(torch.cat([deter, stoch], -1))
            action = distribution.mode() if draw is None else distribution.at(self._tensor(draw))
        return deter.cpu().numpy(), stoch.cpu().numpy(), action.cpu().numpy()

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device)

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

    def load(self, parameters: Mapping[str, Tensor]) -> None:
        """Take over new parameters, all or none.

        Raises:
            WeightsError: missing or unexpected names, a wrong shape, or values that are not finite; the old parameters stay.
        """
        own = self.networks.state_dict()
        missing, unexpected = sorted(own.keys() - parameters.keys()), sorted(parameters.keys() - own.keys())
        if missing or unexpected:
            name, what = (missing[0], 'missing') if missing else (unexpected[0], 'unexpected')
            raise WeightsError(f"weights: tensor '{name}' is {what} "
                               f'({len(missing)} missing, {len(unexpected)} unexpected)')
        for name, value in parameters.items():
            if value.shape != own[name].shape:
                raise WeightsError(f"weights: '{name}' has shape {tuple(value.shape)}, expected {tuple(own[name].shape)}")
            if not value.is_floating_point() or not torch.isfinite(value).all():
                raise WeightsError(f"weights: '{name}' holds values that are not finite numbers")
        self.networks.load_state_dict(dict(parameters))
        self._prepare()
