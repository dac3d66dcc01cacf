"""Acting: encoder, RSSM, and an actor or a planner. Batches of E environments, one step at a time, without gradients.

DreamerV3 on vectors and a CPU takes the way through NumPy (array_networks.py), all else that through torch. Both draw the same
random numbers and give the same actions up to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from dreamer_learning.acting import Acting, Carry, RecurrentPolicy
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.array_networks import ArrayNetworks
from dreamer_learning.coders import Encoder
from dreamer_learning.footprint import check_memory
from dreamer_learning.heads import Actor, ScalarHead, feature_size
from dreamer_learning.planning import Planner
from dreamer_learning.rssm import RSSM
from dreamer_learning.spaces import Task
from dreamer_learning.weights import WeightsError


def acting(config: AgentConfig) -> Acting:
    """An agent's way to act."""
    dynamics, behaviour = config.dynamics, config.behaviour
    return Acting(
        dynamics.deter, dynamics.stoch, dynamics.classes if dynamics.latent == 'categorical' else 1, dynamics.latent,
        behaviour.exploration, behaviour.exploration_amount, behaviour.evaluation, config.replay.context,
        behaviour.method == 'planning')


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


class Policy(RecurrentPolicy):
    """A recurrent policy. Until `load` it acts with untrained parameters."""

    def __init__(self, config: AgentConfig, task: Task, device: torch.device | str = 'cpu', seed: int = 0,
                 arrays: bool = True) -> None:
        """arrays False: through torch in any case.

        Raises:
            ConfigError: the agent does not go with what the task sees or does, or too little memory.
        """
        config.check_task(task)
        check_memory(lambda: PolicyNetworks(config, task), 1, config, task)
        super().__init__(acting(config), task, seed)
        self.config, self.device = config, torch.device(device)
        fitting = ArrayNetworks.fit(config, task) and self.device.type == 'cpu'
        self._arrays = ArrayNetworks(config, task) if arrays and fitting else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.networks = PolicyNetworks(config, task).to(self.device).requires_grad_(False)
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

    def _step(self, carry: Carry, observation: Mapping[str, np.ndarray], noise: np.ndarray,
              draw: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        step = self._act_tensors if self._arrays is None else self._act_arrays
        return step(carry, observation, noise, draw)

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
