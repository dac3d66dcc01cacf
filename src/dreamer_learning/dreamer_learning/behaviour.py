"""Learning a policy in imagination: lambda-returns, REINFORCE for the actor, two-hot regression for the critic.

Imagination from every posterior state (features f, action a, reward r, continuation c, value v):

      h      0           1           2          ...         H
      f     f[0] --a[0]-> f[1] --a[1]-> f[2]     ...        f[H]
      r,c,v      v[0]    r,c,v[1]    r,c,v[2]               r,c,v[H]
      R     R[0]        R[1]        ...       R[H-1]
            R[h] = r[h+1] + c[h+1] ((1 - lambda) v[h+1] + lambda R[h+1]),   R[H] = v[H]
      weight w[h] = c[0] c[1] ... c[h], over the discount where c has it from outside (discount_in_target false);
             real_starts: c[0] is not predicted but replayed, 0 at a true end

actor:  -w[h] (log p(a[h] | f[h]) sg(advantage[h]) + entropy bonus),   h = 0 .. H-1,   advantage = (R - v) / scale
        or, through the dynamics: -w[h] (advantage[h] + entropy bonus), with the gradient of R[h] through the later states
        where K rollouts begin at each start: advantage[h] less the mean of those of the K - 1 others
critic:  w[h] (two-hot loss to R[h] and to the slow critic's prediction),       h = 0 .. H-1

On replayed steps (B, T) the critic is trained too, with the gradient going on into the world model. The real reward and
flags take the place of the predicted ones, and the imagined return at each state, R[0] there, is the bootstrap:

      t     0          1          2         ...         T-1
      R0    R0[0]      R0[1]      R0[2]                 R0[T-1]
      r,c              r,c[1]     r,c[2]                r,c[T-1]
      G     G[0]       G[1]       ...     G[T-2]
            G[t] = r[t+1] + c[t+1] ((1 - l) R0[t+1] + l G[t+1]),   G[T-1] = R0[T-1],   l = lambda (1 - is_last[t+1])
      steps with is_last have no weight: their successor belongs to the next episode.

Source: DreamerV3, equations 6 to 9, and its public code (agent.py, imag_loss and repl_loss).
Shapes: N imagined paths, K of each start, H horizon, F features.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dreamer_learning import parallel
from dreamer_learning.action_distributions import Categorical
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.devices import compile_method
from dreamer_learning.heads import ActionDistribution, Actor, ScalarHead, feature_size
from dreamer_learning.normalise import AdaptiveScale, AdvantageNormaliser, ReturnNormaliser, ValueCentre
from dreamer_learning.spaces import Task
from dreamer_learning.world_model import WorldModel

ENTROPY_BOUNDS = (1e-5, 1.0)
"""Of an adapted scale of the entropy bonus; DayDreamer's code."""


class BehaviourLoss(NamedTuple):
    """Losses by name (any shape; their mean counts) and values to report (scalar tensors)."""

    losses: dict[str, Tensor]
    metrics: dict[str, Tensor]


def lambda_return(reward: Tensor, value: Tensor, live: Tensor, trace: Tensor | float) -> Tensor:
    """Lambda-return of steps 0 .. T-2 of a sequence (T, ...), time first.

    Args:
        reward: reward[t] is earned by arriving at t; reward[0] is not used.
        value: bootstrap at t.
        live: discounted probability that the episode goes on at t.
        trace: lambda, or (T, ...): zero where the return must bootstrap because the sequence ends at t.
    """
    traces = live[1:] * trace if isinstance(trace, float) else live[1:] * trace[1:]
    inputs = torch.addcmul(reward[1:], live[1:] - traces, value[1:])
    returns = [value[-1]]
    for t in reversed(range(len(inputs))):
        returns.append(torch.addcmul(inputs[t], traces[t], returns[-1]))
    return torch.stack(returns[:0:-1])


def above_the_others(advantage: Tensor, rollouts: int) -> Tensor:
    """(H, N), N in groups of K rollouts of one start: each less the mean of the K - 1 others.

    The others' actions are drawn independently, so as a baseline they leave the policy gradient unbiased.
    Source: Kool et al. 2019, "Buy 4 REINFORCE samples, get a baseline for free!", equation 8.
    """
    group = advantage.unflatten(1, (-1, rollouts))
    seen = group.detach()
    others = (seen.sum(-1, keepdim=True) - seen) / (rollouts - 1)
    return (group - others).flatten(1)


def mean_penalty(scale: float, policy: ActionDistribution) -> Tensor | float:
    """(..., A) means -> (...): `scale` times the squares of what a tanh makes them of; 0 for choices."""
    if not scale or isinstance(policy, Categorical):
        return 0.0
    return scale * policy.before_tanh.square().sum(-1)


@contextlib.contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Computations inside give these modules' parameters no gradient."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def choose_starts(wanted: int, shape: torch.Size, generator: torch.Generator | None, device: torch.device) -> Tensor | None:
    """Indices of `wanted` of the B*T states; None = all. The last state of each window comes first in the choice: the returns of
    all earlier states of its window end in its bootstrap."""
    batch, length = shape
    count = batch * length
    if not 0 < wanted < count:
        return None
    index = torch.arange(count, device=device).view(shape)
    earlier = index[:, :-1].flatten()
    order = torch.randperm(len(earlier), generator=generator, device=device)
    return torch.cat([index[:, -1], earlier[order]])[:wanted]


def imagine(model: WorldModel, actor: Actor, starts: Tensor, horizon: int, generator: torch.Generator | None,
            gradients: bool) -> tuple[Tensor, Tensor]:
    """Follow an actor: (N, F) -> features (H+1, N, F) and actions (H, N, A), with gradient to the actor, not to the model, if
    asked for."""
    noise = actor.noise(horizon, len(starts), generator=generator, device=starts.device)
    with frozen(model.rssm):
        return model.rssm.imagine(starts, lambda now, h: actor.act(now, noise[h]), horizon, generator, gradients)


class SlowCritic(nn.Module):
    """A critic, and a slow copy of it that moves by `slow_rate` towards it at the first of every `slow_every` updates, as in
    DreamerV2's and DayDreamer's public code."""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        self._every, self._rate = config.behaviour.slow_every, config.behaviour.slow_rate
        heads = config.heads
        self.critic = ScalarHead(feature_size(config), heads.critic_layers, heads.critic, config.networks, heads)
        self.slow_critic = copy.deepcopy(self.critic).requires_grad_(False)

    def after_update(self, updates: int) -> None:
        """Take note that update number `updates` (1 is the first) was made."""
        if (updates - 1) % self._every:
            return
        with torch.no_grad():
            slow: list[Tensor] = list(self.slow_critic.parameters())
            fast: list[Tensor] = list(self.critic.parameters())
            torch._foreach_lerp_(slow, fast, self._rate)


class Behaviour(SlowCritic):
    """Actor, critic and slow critic."""

    def __init__(self, config: AgentConfig, task: Task) -> None:
        super().__init__(config)
        self.config = own = config.behaviour
        automatic = 'reinforce' if task.action.discrete else 'dynamics'
        self._through_dynamics = (automatic if own.actor_gradient == 'auto' else own.actor_gradient) == 'dynamics'
        self._replayed = config.loss.replay_critic > 0
        self.actor = Actor(feature_size(config), task.action, config.networks, config.heads)
        limits = (own.return_rate, own.return_limit, own.return_low, own.return_high)
        self.returns = ReturnNormaliser(*limits) if own.return_normalisation == 'percentiles' else None
        self.advantages = AdvantageNormaliser(own.return_rate) if own.advantage_normalisation == 'mean_std' else None
        one = task.action.discrete or own.entropy_scales == 'shared'
        self.entropy = AdaptiveScale(own.entropy, own.entropy_target, own.entropy_rate, ENTROPY_BOUNDS,
                                     size=1 if one else task.action.size)
        # What V2 maximises is the return itself; later agents' gradient is that of the normalised advantage.
        self._differentiates_baseline = self.returns is not None or self.advantages is not None
        self.level = ValueCentre(own.value_centering, own.discount_horizon)

    def compile_parts(self, backend: str) -> None:
        """See Agent.compile."""
        compile_method(self.actor, 'act', backend)
        if not self._through_dynamics:
            compile_method(self, '_imagination_loss', backend)

    def loss(self, model: WorldModel, features: Tensor, batch: Mapping[str, Tensor],
             generator: torch.Generator | None = None) -> BehaviourLoss:
        """Losses of actor and critic.

        Args:
            features: (B, T, F), posterior states with gradient.
            batch: replayed rewards and flags, (B, T).
        """
        shape = features.shape[:2]
        starts, terminal = features.detach().flatten(0, 1), batch['is_terminal'].flatten()
        chosen = choose_starts(parallel.part(self.config.imagination_starts), shape, generator, starts.device)
        if chosen is not None:
            starts, terminal = starts[chosen], terminal[chosen]
        rollouts = self.config.rollouts
        if rollouts > 1:
            starts, terminal = (x.repeat_interleave(rollouts, 0) for x in (starts, terminal))
        imagined, actions = self._imagine(model, starts, generator)
        result, returns = self._imagination_loss(model, imagined, actions, terminal)
        if self._replayed:
            logits = self.critic(features.flatten(0, 1))  # (B*T, K)
            with torch.no_grad():
                # States that imagination did not start from bootstrap with the critic's own prediction.
                first = returns[0].view(-1, rollouts).mean(1)
                bootstrap = first if chosen is None else self._value(logits).scatter(0, chosen, first)
                slow = self._value(self.slow_critic(features.detach().flatten(0, 1))).view(shape)
            result.losses['replay_critic'] = self._replay_loss(logits.view(*shape, -1), bootstrap.view(shape), slow, batch)
        return result

    def _imagine(self, model: WorldModel, starts: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """(N, F) -> features (H+1, N, F) and actions (H, N, A), with gradient where the actor learns through the dynamics."""
        return imagine(model, self.actor, starts, self.config.horizon, generator, self._through_dynamics)

    def _imagination_loss(self, model: WorldModel, path: Tensor, actions: Tensor,
                          terminal: Tensor) -> tuple[BehaviourLoss, Tensor]:
        """path (H+1, N, F), actions (H, N, A), terminal (N) bool -> losses, returns (H, N)."""
        imagined = path.detach()
        logits = self.critic(imagined[:-1])
        with self._known(model), torch.set_grad_enabled(self._through_dynamics):
            reward, live = model.reward.predict(path), model.live(path)
            self.level.update(reward[1:])
            values = self._values(path, logits)
            returns = lambda_return(reward, values, live, self.config.trace)
            scale = returns.new_ones(()) if self.returns is None else self.returns.update(returns)
            baseline = values[:-1] if self._differentiates_baseline else values[:-1].detach()
            advantage = (returns - baseline) / scale
            if self.config.rollouts > 1:
                advantage = above_the_others(advantage, self.config.rollouts)
            if self.advantages is not None:
                advantage = self.advantages(advantage)
        with torch.no_grad():
            discount = 1 - 1 / self.config.discount_horizon
            if self.config.real_starts:
                live = torch.cat([((~terminal).to(live) * discount).unsqueeze(0), live[1:]])
            weight = torch.cumprod(live, 0)[:-1]
            if self.config.real_starts or not self.config.discount_in_target:
                weight /= discount  # the start is not discounted
            slow = self._value(self.slow_critic(imagined[:-1]))
        policy = self.actor(imagined[:-1])
        entropy = policy.entropy()
        share = policy.entropy_share(entropy.detach()).flatten(0, -2).mean(0)  # (A)
        if self.config.entropy_scales == 'shared':
            share = share.mean(0, keepdim=True)
        counted = entropy if self.config.entropy_unit == 'nats' else policy.entropy_share(entropy)
        bonus = (counted * self.entropy.update(share)).sum(-1)
        bonus = bonus - mean_penalty(self.config.mean_penalty, policy)
        gain = advantage if self._through_dynamics else policy.log_prob(actions) * advantage
        returns = returns.detach()
        losses = {
            'actor': -weight * (gain + bonus),
            'critic': weight * self._critic_loss(logits, returns, slow),
        }
        metrics = {
            'return': returns.mean(), 'return/scale': scale, 'value': values.mean(), 'advantage/std': advantage.std(),
            'reward/imagined': reward[1:].mean(), 'entropy/actor': entropy.detach().sum(-1).mean(),
            'entropy/actor_share': share.mean(), 'entropy/scale': self.entropy.scale.mean(), 'weight': weight.mean(),
        }
        return BehaviourLoss(losses, metrics), returns

    def _known(self, model: WorldModel) -> contextlib.AbstractContextManager[None]:
        """Where gradients go through the dynamics, heads that judge a path do not learn from it."""
        if not self._through_dynamics:
            return contextlib.nullcontext()
        heads = [module for module in (model.reward, model.continuation, self.critic) if module is not None]
        return frozen(*heads)

    def _values(self, path: Tensor, logits: Tensor) -> Tensor:
        """Of every imagined state, (H+1, N); `logits` are the critic's without gradient to the path, of all but the last."""
        if self.config.slow_target:
            return self._value(self.slow_critic(path))
        first = self.critic(path[:-1]) if self._through_dynamics else logits
        return self._value(torch.cat([first, self.critic(path[-1:])]))

    def _replay_loss(self, logits: Tensor, bootstrap: Tensor, slow: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """logits (B, T, K), bootstrap and slow critic (B, T) -> (T-1, B)."""
        is_last, is_terminal = batch['is_last'].t().float(), batch['is_terminal'].t().float()
        live = (1 - is_terminal) * (1 - 1 / self.config.discount_horizon)
        trace = (1 - is_last) * self.config.trace
        returns = lambda_return(batch['reward'].t().contiguous(), bootstrap.t().contiguous(), live, trace)
        loss = self._critic_loss(logits.transpose(0, 1)[:-1], returns, slow.t()[:-1])
        return (1 - is_last[:-1]) * loss

    def _value(self, parameters: Tensor) -> Tensor:
        """Of critic or slow critic: (..., K) -> (...)."""
        return self.critic.output.mean(parameters) + self.level.value

    def _critic_loss(self, parameters: Tensor, returns: Tensor, slow: Tensor) -> Tensor:
        regulariser, centre = self.config.slow_regulariser, self.level.value
        output = self.critic.output
        if regulariser == 1.0:
            return output.loss(parameters, torch.stack([returns, slow], -1) - centre)
        loss = output.loss(parameters, returns.unsqueeze(-1) - centre)
        return loss + regulariser * output.loss(parameters, slow.unsqueeze(-1) - centre) if regulariser else loss
