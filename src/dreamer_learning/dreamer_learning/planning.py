"""Planning by the cross-entropy method in latent space (PlaNet, Hafner et al. 2019, algorithm 2).

    state (E, D), (E, C*S) --repeated--> candidates (E*J)
    for each iteration:
        actions[h] ~ N(mean[h], std[h]), cut to [-1, 1]                                    h = 0 .. H-1
        s[0] --actions[0], prior--> s[1] ... --actions[H-1], prior--> s[H];   score = r(s[1]) + ... + r(s[H])
        mean, std <- of the K candidates with the best score
    action = mean[0]

Shapes: E environments, J candidates, K best of them, H horizon, A action, D deterministic units, C*S flat latent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.behaviour import BehaviourLoss
from dreamer_learning.heads import ScalarHead
from dreamer_learning.rssm import RSSM
from dreamer_learning.spaces import Task
from dreamer_learning.training_config import PlanningConfig
from dreamer_learning.world_model import WorldModel

STD_FLOOR = 1e-6
"""Added to the variance that is refitted; PlaNet's code."""


class NoBehaviour(nn.Module):
    """Of an agent that plans: neither actor nor critic, and no losses."""

    def __init__(self, config: AgentConfig, task: Task) -> None:
        super().__init__()

    def loss(self, model: WorldModel, features: Tensor, batch: Mapping[str, Tensor],
             generator: torch.Generator | None = None) -> BehaviourLoss:
        """Nothing to learn."""
        return BehaviourLoss({}, {})

    def after_update(self, updates: int) -> None:
        """Nothing to follow."""


class Planner(nn.Module):
    """Chooses actions through a world model's transition and reward; learns nothing of its own."""

    def __init__(self, config: PlanningConfig, actions: int) -> None:
        super().__init__()
        self.config, self.actions = config, actions

    @torch.no_grad()
    def plan(self, rssm: RSSM, reward: ScalarHead, deter: Tensor, stoch: Tensor,
             generator: torch.Generator | None = None) -> Tensor:
        """The first action of the best plan: (E, D), (E, C*S) -> (E, A) in [-1, 1]."""
        count, envs = self.config.candidates, len(deter)
        weights, embed = rssm.core.prepare(), rssm.core.action_weight()
        start = tuple(x.repeat_interleave(count, 0) for x in (deter, stoch))

        def score(actions: Tensor) -> Tensor:
            now, latent = start
            total = now.new_zeros(envs * count)
            for action in actions.flatten(1, 2):
                now = rssm.core.step(weights, now, latent, rssm.core.embed_action(embed, action))
                prior = rssm.latent.statistics(rssm.prior(now))
                latent = rssm.latent.sample(prior, rssm.latent.noise(len(now), generator=generator, device=now.device))
                total += reward.predict(torch.cat([now, latent], -1))
            return total.view(envs, count)

        shape = (self.config.horizon, envs, count, self.actions)
        mean, _ = cross_entropy_method(score, lambda _: torch.empty(shape, device=deter.device).normal_(generator=generator),
                                       self.config)
        return mean[0]


def cross_entropy_method(score: Callable[[Tensor], Tensor], noise: Callable[[int], Tensor],
                         config: PlanningConfig) -> tuple[Tensor, Tensor]:
    """Search for the actions with the best score.

    Args:
        score: actions (H, E, J, A) -> (E, J).
        noise: iteration -> standard normal numbers (H, E, J, A).

    Returns:
        mean and standard deviation of the last refit, (H, E, A) each.
    """
    for iteration in range(config.iterations):
        draw = noise(iteration)
        if iteration == 0:
            mean, std = torch.zeros_like(draw[:, :, 0]), torch.ones_like(draw[:, :, 0])
        actions = torch.addcmul(mean.unsqueeze(2), std.unsqueeze(2), draw).clamp(-1, 1)
        best = score(actions).topk(config.top, -1).indices  # (E, K)
        index = best.view(1, *best.shape, 1).expand(len(draw), -1, -1, draw.shape[-1])
        chosen = torch.gather(actions, 2, index)
        mean = chosen.mean(2)
        std = (chosen.var(2, correction=0) + STD_FLOOR).sqrt()
    return mean, std
