"""Acting: encoder, RSSM without prior, actor. Batches of E environments, one step at a time, without gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.coders import Encoder
from dreamer_learning.heads import Actor, feature_size
from dreamer_learning.rssm import RSSM
from dreamer_learning.spaces import Task
from dreamer_learning.weights import WeightsError


class Carry(NamedTuple):
    """State of E environments between two steps: deter (E, D), stoch (E, C*S), the last action (E, A)."""

    deter: Tensor
    stoch: Tensor
    action: Tensor


class PolicyNetworks(nn.Module):
    """The networks that acting needs; parameter names are those of Agent.policy_parameters."""

    def __init__(self, config: AgentConfig, task: Task) -> None:
        super().__init__()
        self.encoder = Encoder(task.observation, config.networks)
        self.rssm = RSSM(config.dynamics, task.action.size, self.encoder.outputs, prior=False)
        self.actor = Actor(feature_size(config), config.networks.units, task.action, config.heads)


class Policy:
    """A recurrent policy. Until `load` it acts with untrained parameters."""

    def __init__(self, config: AgentConfig, task: Task, device: torch.device | str = 'cpu', seed: int = 0) -> None:
        self.config, self.task, self.device = config, task, torch.device(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.networks = PolicyNetworks(config, task).to(self.device).requires_grad_(False)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self._prepare()

    def _prepare(self) -> None:
        with torch.no_grad():
            core = self.networks.rssm.core
            self._core, self._action = core.prepare(), core.action_weight()
            self._posterior = self.networks.rssm.posterior.deter_weight()

    def initial(self, envs: int) -> Carry:
        """State of environments that have seen nothing."""
        dynamics = self.config.dynamics
        sizes = (dynamics.deter, dynamics.stoch * dynamics.classes, self.task.action.size)
        return Carry(*(torch.zeros(envs, size, device=self.device) for size in sizes))

    @torch.inference_mode()
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
        torch.set_flush_denormal(True)  # see Agent.train_step
        rssm = self.networks.rssm
        tokens = self.networks.encoder(self._tensors(obs, len(is_first)))
        deter, stoch, action = carry
        if is_first.any():
            keep = torch.from_numpy(~np.asarray(is_first, bool)).to(self.device).unsqueeze(-1)
            deter, stoch, action = deter * keep, stoch * keep, action * keep
        deter = rssm.core.step(self._core, deter, stoch, rssm.core.embed_action(self._action, action))
        logits = rssm.posterior(self._posterior, deter, rssm.posterior.project(tokens))
        uniform = rssm.uniform(len(is_first), generator=self.generator, device=self.device)
        stoch = rssm.sample(rssm.probs(logits), uniform)
        distribution = self.networks.actor(torch.cat([deter, stoch], -1))
        sampled = mode == 'train' or self.config.behaviour.evaluation == 'sample'
        action = distribution.sample(self.generator) if sampled else distribution.mode()
        index = stoch.view(len(is_first), -1, self.config.dynamics.stoch).argmax(1)
        latent = {'deter': deter.half().cpu().numpy(), 'stoch': index.to(torch.uint8).cpu().numpy()}
        if self.task.action.discrete:
            return action.argmax(-1).int().cpu().numpy(), Carry(deter, stoch, action), latent
        action = action.clamp(-1.0, 1.0)  # the model sees actions limited to [-1, 1] too
        return action.cpu().numpy(), Carry(deter, stoch, action), latent

    def _tensors(self, obs: Mapping[str, np.ndarray], envs: int) -> dict[str, Tensor]:
        result = {}
        for name, spec in self.task.observation.items():
            if name not in obs:
                raise ValueError(f"observation '{name}' is missing")
            array = np.ascontiguousarray(obs[name], dtype=spec.dtype)
            if array.shape != (envs, *spec.shape):
                raise ValueError(f"observation '{name}' has shape {array.shape}, expected {(envs, *spec.shape)}")
            result[name] = torch.from_numpy(array).to(self.device)
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
