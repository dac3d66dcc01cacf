"""Acting: encoder, RSSM without prior, actor. Batches of E environments, one step at a time, without gradients.

Vectors on a CPU take the way through NumPy (array_networks.py), images and GPUs that through torch. Both draw the same random
numbers and give the same actions up to rounding.
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
from dreamer_learning.heads import Actor, feature_size
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
        self.encoder = Encoder(task.observation, config.networks)
        self.rssm = RSSM(config.dynamics, task.action.size, self.encoder.outputs, prior=False)
        self.actor = Actor(feature_size(config), config.networks.units, task.action, config.heads)


class Policy:
    """A recurrent policy. Until `load` it acts with untrained parameters."""

    def __init__(self, config: AgentConfig, task: Task, device: torch.device | str = 'cpu', seed: int = 0,
                 arrays: bool = True) -> None:
        """arrays False: through torch in any case."""
        self.config, self.task, self.device = config, task, torch.device(device)
        images = any(spec.image for spec in task.observation.values())
        self._arrays = ArrayNetworks(config, task) if arrays and not images and self.device.type == 'cpu' else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.networks = PolicyNetworks(config, task).to(self.device).requires_grad_(False)
        self.generator = np.random.default_rng(seed)
        torch.set_flush_denormal(True)  # of this thread; see Agent.train_step
        self._prepare()

    def _prepare(self) -> None:
        if self._arrays is not None:
            self._arrays.load(self.networks.state_dict())
            return
        with torch.no_grad():
            core = self.networks.rssm.core
            self._core, self._action = core.prepare(), core.action_weight()
            self._posterior = self.networks.rssm.posterior.deter_weight()

    def initial(self, envs: int) -> Carry:
        """State of environments that have seen nothing."""
        dynamics = self.config.dynamics
        sizes = (dynamics.deter, dynamics.stoch * dynamics.classes, self.task.action.size)
        return Carry(*(np.zeros((envs, size), np.float32) for size in sizes))

    def act(self, carry: Carry, obs: Mapping[str, np.ndarray], is_first: np.ndarray,
            mode: Literal['train', 'eval'] = 'train') -> tuple[np.ndarray, Carry, dict[str, np.ndarray]]:
        """One step.

        Args:
            carry: of the step before; counts as zero where is_first.
            obs: name -> (E, ...), float32 or uint8 images.
            is_first: (E) bool.
            mode: 'train' samples the action; 'eval' takes what behaviour.evaluation says.

        Returns:
            action (E, A) float32 in [-1, 1] or (E) int32; the next carry; the latent for the replay, 'deter' (E, D)
            float16 and 'stoch' (E, S) uint8.

        Raises:
            ValueError: an observation is missing or has the wrong shape.
        """
        observation = self._observation(obs, len(is_first))
        sampled = mode == 'train' or self.config.behaviour.evaluation == 'sample'
        uniform, draw = self._draw(len(is_first), sampled)
        if is_first.any():
            keep = ~np.asarray(is_first, bool)[:, None]
            carry = Carry(*(part * keep for part in carry))
        step = self._act_tensors if self._arrays is None else self._act_arrays
        deter, stoch, action = step(carry, observation, uniform, draw)
        if not self.task.action.discrete:
            action = action.clip(-1.0, 1.0)  # the model sees actions limited to [-1, 1] too
        index = stoch.reshape(len(is_first), -1, self.config.dynamics.stoch).argmax(1)
        latent = {'deter': deter.astype(np.float16), 'stoch': index.astype(np.uint8)}
        return action.argmax(-1).astype(np.int32) if self.task.action.discrete else action, Carry(deter, stoch, action), latent

    def _draw(self, envs: int, sampled: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Random numbers of a step: uniform (E, 1, S) for the latent; for the action normal (E, A), uniform (E, 1) where
        discrete, None for the most likely one."""
        uniform = self.generator.random((envs, 1, self.config.dynamics.stoch), np.float32)
        if not sampled:
            return uniform, None
        action = self.task.action
        if action.discrete:
            return uniform, self.generator.random((envs, 1), np.float32)
        return uniform, self.generator.standard_normal((envs, action.size), np.float32)

    def _act_arrays(self, carry: Carry, observation: Mapping[str, np.ndarray], uniform: np.ndarray,
                    draw: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Deter (E, D), stoch (E, C*S), action (E, A)."""
        assert self._arrays is not None
        deter, stoch = self._arrays.filter(observation, *carry, uniform)
        return deter, stoch, self._arrays.act(np.concatenate([deter, stoch], -1), draw)

    @torch.inference_mode()
    def _act_tensors(self, carry: Carry, observation: Mapping[str, np.ndarray], uniform: np.ndarray,
                     draw: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As _act_arrays, through torch."""
        networks, rssm = self.networks, self.networks.rssm
        tokens = networks.encoder({name: self._tensor(array) for name, array in observation.items()})
        deter, stoch, action = (self._tensor(part) for part in carry)
        deter = rssm.core.step(self._core, deter, stoch, rssm.core.embed_action(self._action, action))
        logits = rssm.posterior(self._posterior, deter, rssm.posterior.project(tokens))
        stoch = rssm.sample(rssm.probs(logits), self._tensor(uniform))
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
