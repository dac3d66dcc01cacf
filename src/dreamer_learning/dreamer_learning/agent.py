"""The learning agent: one loss and one backward pass for world model, actor and critic, whichever agent of the family it is.

The agents before DreamerV3 have an optimiser each for the three. One backward pass of the summed losses gives each the gradients
of a pass of its own, because what one part learns from gives the others no gradient. All of them are taken before any part is
stepped; DreamerV2's and DayDreamer's public code steps the world model first, and imagines with the new one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dreamer_learning import batch as batches
from dreamer_learning import parallel
from dreamer_learning.adam import Adam, Group
from dreamer_learning.adoption import Adopted, adopt
from dreamer_learning.agent_config import AgentConfig, title
from dreamer_learning.behaviour import Behaviour
from dreamer_learning.config import ConfigError, nearest
from dreamer_learning.devices import PRECISIONS, Precision
from dreamer_learning.footprint import TRAINED, check_memory
from dreamer_learning.heads import ScalarHead
from dreamer_learning.optim import LaProp
from dreamer_learning.planning import NoBehaviour
from dreamer_learning.spaces import Task
from dreamer_learning.value_gradient import ValueGradient
from dreamer_learning.world_model import WorldModel

# The policy's parameters: name there -> name of the module here.
POLICY_PARTS = {
    'encoder.': 'model.encoder.',
    'rssm.core.': 'model.rssm.core.',
    'rssm.posterior.': 'model.rssm.posterior.',
    'actor.': 'behaviour.actor.',
}
# Those that planning, or a learned initial state, needs besides.
PRIOR_PARTS = {'rssm.prior.': 'model.rssm.prior.', 'rssm.first_deter': 'model.rssm.first_deter'}
PLANNING_PARTS = {**PRIOR_PARTS, 'reward.': 'model.reward.'}

BEHAVIOURS: dict[str, type[Behaviour] | type[ValueGradient] | type[NoBehaviour]] = {
    'actor_critic': Behaviour, 'value_gradient': ValueGradient, 'planning': NoBehaviour}


class Agent:
    """World model, behaviour, optimiser and everything that a checkpoint must hold.

    Args:
        config: see agent_config.
        task: fixes observations and actions.
        device: where parameters live.
        seed: fixes the initial parameters and every later random draw.
        precision: of updates, see Precision.

    Attributes:
        compiled: whether `compile` was called.

    Raises:
        ConfigError: the agent does not go with what the task sees or does, unknown precision, or too little memory.
    """

    def __init__(self, config: AgentConfig, task: Task, device: torch.device | str = 'cpu', seed: int = 0,
                 precision: Precision = 'float32') -> None:
        config.check_task(task)
        if precision not in PRECISIONS:
            raise ConfigError(f"precision: '{precision}' is not allowed; {nearest(precision, PRECISIONS)}")
        self.config, self.task, self.device = config, task, torch.device(device)
        check_memory(self._make_networks, TRAINED if self.device.type == 'cpu' else 1, config, task)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.networks = self._make_networks().to(self.device)
        self.generator = torch.Generator(self.device).manual_seed(parallel.seed(seed))
        self.optimiser = self._make_optimiser()
        self.updates = 0
        self._precision, self.compiled = precision, False

    def _make_networks(self) -> nn.ModuleDict:
        behaviour = BEHAVIOURS[self.config.behaviour.method](self.config, self.task)
        return nn.ModuleDict({'model': WorldModel(self.config, self.task), 'behaviour': behaviour})

    def _make_optimiser(self) -> LaProp | Adam:
        config = self.config.optimiser
        trained = {name: p for name, p in self.networks.named_parameters() if p.requires_grad}
        if config.method == 'laprop':
            return LaProp(trained.values(), config)
        rates = {'model.': config.learning_rate, 'behaviour.actor.': config.actor_rate, 'behaviour.critic.': config.critic_rate}
        return Adam([
            Group(prefix.rstrip('.'), [p for name, p in trained.items() if name.startswith(prefix)], rate or config.learning_rate)
            for prefix, rate in rates.items()
        ], config)

    def compile(self, backend: str = 'inductor') -> None:
        """Make graphs of what an update consists of: some steps of DreamerV3's filter and their gradients, one imagined step, the
        actor's choice, norms of image encoders, the losses of the world model, and those of imagined paths where gradients do
        not go through the dynamics. The rest stays as it is. The first update then takes about a minute, less where torch finds
        the graphs in its cache.

        Args:
            backend: of torch.compile.
        """
        import torch._inductor.config as inductor  # a second of work that nothing else needs

        inductor.compile_threads = 1  # its worker processes would outlive a training that is killed
        for module in self.networks.modules():
            if isinstance(module, ScalarHead):
                _ = module.output  # made now: a graph of the first update would not fit the second
        self.compiled = True
        self.model.compile_parts(backend)
        if not isinstance(self.behaviour, NoBehaviour):
            self.behaviour.compile_parts(backend)

    @property
    def model(self) -> WorldModel:
        return self.networks['model']  # type: ignore[return-value]

    @property
    def behaviour(self) -> Behaviour | ValueGradient | NoBehaviour:
        return self.networks['behaviour']  # type: ignore[return-value]

    def parameter_count(self) -> int:
        """Trained parameters; the slow critic is a copy and does not count."""
        return sum(p.numel() for p in self.networks.parameters() if p.requires_grad)

    def train_step(self, batch: Mapping[str, Tensor]) -> dict[str, Any]:
        """One update.

        Args:
            batch: see batch.py.

        Returns:
            metrics by name (float), and 'latents': {'deter': (B, T, D) float16, 'stoch': (B, T, S) uint8}, the
            posterior of every step for Replay.update_latents; None where the replay keeps none. 'gradient_norm' is not
            finite where the batch was bad; such an update changes no parameter.
        """
        # Gradients and squared gradients below 1e-38 cost a hundred times an ordinary number on a CPU. Per thread.
        torch.set_flush_denormal(True)
        if self.config.loss.reward_transform == 'tanh':
            batch = {**batch, 'reward': torch.tanh(batch['reward'])}
        with torch.autocast(self.device.type, torch.bfloat16, self._precision == 'bfloat16'):
            world = self.model.loss(batch, self.generator)
            features = torch.cat([world.deter, world.stoch], -1)
            behaviour = self.behaviour.loss(self.model, features, batch, self.generator)
        losses = {name: loss.mean() for name, loss in {**world.losses, **behaviour.losses}.items()}
        total = torch.stack([loss * self.config.loss.scale(name) for name, loss in losses.items()]).sum()
        for parameter in self.networks.parameters():
            parameter.grad = None  # of an update that was left out
        total.backward()
        parallel.mean_gradients(self.networks.parameters())
        norm = self.optimiser.step()
        self.updates += 1
        self.behaviour.after_update(self.updates)
        metrics = {**world.metrics, **behaviour.metrics, 'loss': total, 'gradient_norm': norm}
        metrics.update({f'loss/{name}': loss for name, loss in losses.items()})
        values = parallel.mean(torch.stack([value.detach() for value in metrics.values()])).tolist()
        latents = None
        if self.config.replay.context:
            latents = {'deter': world.deter.detach().half(), 'stoch': self._indices(world.stoch)}
        return {**dict(zip(metrics, values)), 'learning_rate': self.optimiser.rate(), 'latents': latents}

    def unsound(self) -> str:
        """The first parameter, else the first gradient of an update that was left out, that is not finite; '' = none."""
        for name, value in self.networks.state_dict().items():
            if not value.isfinite().all():
                return name
        for name, parameter in self.networks.named_parameters():
            if parameter.grad is not None and not parameter.grad.isfinite().all():
                return f'the gradient of {name}'
        return ''

    def follow(self) -> None:
        """Take over everything but the random state from the first of the processes that train together (parallel.py)."""
        counters = torch.tensor([self.updates, self.optimiser.steps], device=self.device)
        parallel.follow([*self.networks.state_dict().values(), *self.optimiser.tensors(), counters])
        self.updates, self.optimiser.steps = counters.tolist()
        if parallel.rank() and self.updates:
            self.generator.manual_seed(parallel.seed(self.updates))  # not the numbers of the run's beginning again

    def _indices(self, stoch: Tensor) -> Tensor:
        """One-hot (..., C*S) -> class numbers (..., S) uint8."""
        dynamics = self.config.dynamics
        return stoch.detach().unflatten(-1, (dynamics.classes, dynamics.stoch)).argmax(-2).to(torch.uint8)

    def policy_parameters(self) -> dict[str, Tensor]:
        """A copy, on the CPU, of what acting needs: encoder, RSSM, and actor or what planning needs."""
        result, parts = {}, dict(POLICY_PARTS)
        if self.config.dynamics.initial == 'learned':
            parts |= PRIOR_PARTS
        if self.config.behaviour.method == 'planning':
            parts |= PLANNING_PARTS
        for name, value in self.networks.state_dict().items():
            for short, long in parts.items():
                if name.startswith(long):
                    result[short + name[len(long):]] = value.detach().to('cpu', copy=True).contiguous()
        return result

    @torch.no_grad()
    def report(self, batch: Mapping[str, Tensor], sequences: int = 4) -> dict[str, np.ndarray]:
        """Open-loop prediction beside the truth.

        The first half of each window is filtered (posterior); in the second half the model sees actions only.

        Returns:
            '<name>/truth' and '<name>/model', each (N, T, ...): float32, images uint8; and 'context', a scalar: the
            number of filtered steps.
        """
        # Its shapes would take graphs of their own.
        with torch.compiler.set_stance('force_eager') if self.compiled else contextlib.nullcontext():
            return self._report({name: value[:sequences] for name, value in batch.items()})

    def _report(self, batch: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        generator = torch.Generator(self.device).manual_seed(self.updates)
        deter, stoch, _ = self.model.observe(batch, generator)
        length = deter.shape[1]
        half = length // 2
        features = torch.cat([deter, stoch], -1)
        actions = batches.encode_action(batch['action'], self.task.action)
        imagined, _ = self.model.rssm.imagine(
            features[:, half - 1], lambda _, h: actions[:, half - 1 + h], length - half, generator)
        joined = torch.cat([features[:, :half], imagined[1:].transpose(0, 1)], 1)
        predictions = self.model.decoder.predict(joined.flatten(0, 1))
        result = {'context': np.asarray(half)}
        for name, value in predictions.items():
            truth = batch[batches.OBSERVATION + name]
            if truth.dtype == torch.uint8:
                value = (value * 255).round().to(torch.uint8)
            result[f'{name}/truth'] = truth.cpu().numpy()
            result[f'{name}/model'] = value.view(truth.shape).cpu().numpy()
        return result

    def state_dict(self) -> dict[str, Any]:
        """Nested mapping of tensors and plain values: networks and running averages, optimiser, counters, RNG."""
        return {
            'networks': {name: value.detach().cpu().clone() for name, value in self.networks.state_dict().items()},
            'optimiser': self.optimiser.state_dict(),
            'updates': self.updates,
            'generator': self.generator.get_state(),
            'hash': self.config.hash(self.task),
            'names': self.names(),
        }

    def names(self) -> dict[str, str]:
        """Agent, size, blocks and task, so far as they have names."""
        return {**self.config.names(), **({'task': self.task.name} if self.task.name else {})}

    def adopt(self, state: Mapping[str, Any]) -> Adopted:
        """Begin with the networks of another agent's state, wherever names and shapes agree. Optimiser, counters and random
        state stay those of an agent that begins.

        Args:
            state: a state_dict, perhaps of another size or for another task.
        """
        return adopt(self.networks, state['networks'])

    @property
    def acting_parts(self) -> tuple[str, ...]:
        """Parts of the networks, as Adopted names them, without which a policy is none."""
        return 'encoder', 'rssm', 'reward' if self.config.behaviour.method == 'planning' else 'actor'

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state_dict, also of an agent on another kind of device; random draws go on as there only on the same kind.

        Raises:
            ConfigError: it belongs to another agent, size or task; nothing is taken over.
        """
        expected = self.config.hash(self.task)
        if state.get('hash') != expected:
            there, here = title(state.get('names')), title(self.names())
            changed = ': the values behind these names differ' if there == here else ''
            raise ConfigError(f"state of configuration {state.get('hash')} ({there}) does not fit configuration {expected} "
                              f'({here}){changed}')
        self.networks.load_state_dict(state['networks'])
        self.optimiser.load_state_dict(state['optimiser'])
        self.updates = int(state['updates'])
        self._restore_random(state['generator'])

    def _restore_random(self, state: Tensor) -> None:
        if state.shape == self.generator.get_state().shape:
            self.generator.set_state(state)
        else:  # of a GPU on the CPU, or the other way round
            self.generator.manual_seed(parallel.seed(self.updates))
