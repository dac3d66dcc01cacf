"""Learning a policy in imagination as Dreamer V1 and V2 do.

Imagination from every posterior state z[0]. Unlike in behaviour.py the return of a state includes that state's own reward:

      h      0           1           2          ...         H
      z     z[0] --a[0]-> z[1] --a[1]-> z[2]     ...        z[H]
      r,c,v  r,c,v[0]    r,c,v[1]    r,c,v[2]               v[H]
      R     R[0]        R[1]        R[2]   ...  R[H-1]
            R[h] = r[h] + c[h] ((1 - lambda) v[h+1] + lambda R[h+1]),   R[H] = v[H]
      weight w[0] = 1, w[h] = c[0] c[1] ... c[h-1];  V1, whose states begin at z[1]: u[1] = 1, u[h] = c[1] ... c[h-1]

actor:  -w[h] (objective(a[h]) + entropy bonus),    h = 0 .. H-2: the first action decides on R[1], the last but one on R[H-1];
        V1 weighs by the state of the return, u[h+1]
        objective through the dynamics   R[h+1], with its gradient through the states z[1] .. z[h+1]
        objective of REINFORCE           log p(a[h] | z[h]) sg(R[h+1] - v[h])
        mixed: dynamics_share of the first and the rest of the second
critic: -w[h] log p(R[h] | z[h]),                   h = 0 .. H-1;  V1: -u[h] log p(R[h] | z[h]), h = 1 .. H-1
without bootstrap (V1's ablation): R[h] = r[h] + c[h] R[h+1],   R[H] = r[H],   v = 0; no critic is trained

v is the slow critic with `slow_target` (V2), the critic itself without (V1). c[0] is the real one: (1 - is_terminal) discount.
V1 does not imagine from terminal steps: u = 0 there.
Sources: Hafner et al. 2020 (V1), equations 4 to 8; 2021 (V2), equations 4 to 6; their public code.
Shapes: N starts, H horizon, F features.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from dreamer_learning import parallel
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.behaviour import (
    BehaviourLoss,
    SlowCritic,
    choose_starts,
    frozen,
    imagine,
    lambda_return,
    mean_penalty,
)
from dreamer_learning.devices import compile_method
from dreamer_learning.heads import Actor, feature_size
from dreamer_learning.spaces import Task
from dreamer_learning.world_model import WorldModel


class ValueGradient(SlowCritic):
    """Actor, critic and slow critic."""

    def __init__(self, config: AgentConfig, task: Task) -> None:
        super().__init__(config)
        self.config = own = config.behaviour
        self.actor = Actor(feature_size(config), task.action, config.networks, config.heads)
        self._share = own.dynamics_share if own.dynamics_share >= 0 else float(not task.action.discrete)

    def compile_parts(self, backend: str) -> None:
        """See Agent.compile."""
        compile_method(self.actor, 'act', backend)

    def loss(self, model: WorldModel, features: Tensor, batch: Mapping[str, Tensor],
             generator: torch.Generator | None = None) -> BehaviourLoss:
        """Losses 'actor' and, with bootstrap, 'critic'.

        Args:
            features: (B, T, F), posterior states.
            batch: replayed flags, (B, T).
        """
        starts, terminal = features.detach().flatten(0, 1), batch['is_terminal'].flatten()
        chosen = choose_starts(parallel.part(self.config.imagination_starts), features.shape[:2], generator, starts.device)
        if chosen is not None:
            starts, terminal = starts[chosen], terminal[chosen]
        path, actions = imagine(model, self.actor, starts, self.config.horizon, generator, self._share > 0)
        return self.imagination_loss(model, path, actions, terminal)

    def imagination_loss(self, model: WorldModel, path: Tensor, actions: Tensor, terminal: Tensor) -> BehaviourLoss:
        """path (H+1, N, F), actions (H, N, A), terminal (N) bool -> losses."""
        through, discount = self._share > 0, 1 - 1 / self.config.discount_horizon
        known = [module for module in (model.reward, model.continuation) if module is not None]
        with frozen(*known, self.critic), torch.set_grad_enabled(through):
            reward, live = model.reward.predict(path), model.live(path)
            live = torch.cat([((~terminal).float() * discount).unsqueeze(0), live[1:]])
            if self.config.bootstrap:
                value, trace = (self.slow_critic if self.config.slow_target else self.critic).predict(path), self.config.trace
            else:
                value, trace = torch.cat([torch.zeros_like(reward[:-1]), reward[-1:]]), 1.0
            returns = state_returns(reward, value, live, trace)  # (H, N)
        first = 0 if self.config.slow_target else 1  # V1 has no states but the imagined ones
        with torch.no_grad():
            begin = torch.ones_like(live[:1]) if first == 0 else (~terminal).to(live).unsqueeze(0)
            weight = torch.cumprod(torch.cat([begin, live[first:-1]]), 0)  # of states first .. H
        actor, entropy = self._actor_loss(path.detach(), actions, returns, value.detach(), weight)
        losses, metrics = {'actor': actor}, {
            'return': returns.detach().mean(), 'weight': weight.mean(), 'reward/imagined': reward.detach()[1:].mean(),
            'entropy/actor': entropy.detach().mean()}
        if self.config.bootstrap:
            prediction = self.critic(path.detach()[first:-1])
            losses['critic'] = weight[:-1] * self.critic.output.loss(prediction, returns.detach()[first:].unsqueeze(-1))
            metrics['value'] = value.detach().mean()
        return BehaviourLoss(losses, metrics)

    def _actor_loss(self, states: Tensor, actions: Tensor, returns: Tensor, value: Tensor,
                    weight: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (H-1, N) and the policy's entropy (H-1, N)."""
        policy = self.actor(states[:-2])
        entropy = policy.entropy().sum(-1)
        objective = self._share * returns[1:] if self._share > 0 else 0.0
        if self._share < 1:
            advantage = (returns[1:] - value[:-2]).detach()
            objective = objective + (1 - self._share) * policy.log_prob(actions[:-1].detach()) * advantage
        bonus = self.config.entropy * entropy - mean_penalty(self.config.mean_penalty, policy)
        return -weight[:len(entropy)] * (objective + bonus), entropy


def state_returns(reward: Tensor, value: Tensor, live: Tensor, trace: float) -> Tensor:
    """Lambda-returns that include the reward of the state itself: (H+1, ...) each -> (H, ...)."""
    def later(x: Tensor) -> Tensor:
        return torch.cat([x[:1], x[:-1]])

    return lambda_return(later(reward), value, later(live), trace)
