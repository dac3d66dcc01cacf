"""One of the processes of test_parallel.py, or one that does the same alone.

Usage: parallel_worker.py FOLDER. Writes FOLDER/<number of processes>.pt: case -> (gradients of the first update, state after
two), both by name; among the latter the KL of each part of the first batch, 'part/0' and 'part/1'.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from family_toys import AGENTS, BATCH, random_batch, task_of, tiny
from torch import Tensor

from dreamer_learning import parallel
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.config import merge
from dreamer_learning.spaces import Task

SCALES = 1.0, 3.0
"""Of the observations and rewards in each part of a batch."""
FREE = {'dreamer_v1': 1.0, 'dreamer_v2': 0.25}
"""Nats between the KL of the one part and that of the other; the mean of the two is above."""
# No loss is held at its free nats, and no layer begins at zero and would hold gradients back.
OPEN: dict[str, Any] = {'loss': {'free_nats': 0.0}, 'heads': {'outscale': 1.0}}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, OPEN) for name in AGENTS},
    **{f'{name}, free nats': (name, merge(OPEN, {'loss': {'free_nats': free}})) for name, free in FREE.items()},
    # As many as there are windows: those whose choice is not random.
    **{f'{name}, some starts': (name, merge(OPEN, {'behaviour': {'imagination_starts': len(SCALES) * BATCH}}))
       for name in ('dreamer_v1', 'dreamer_v3')},
}


def slice_noise() -> None:
    """Every process draws the noise of the whole batch and takes its part of the rows, so that all ways see the same; orders
    are not random."""
    torch.randperm = lambda count, generator=None, device=None: torch.arange(count, device=device)  # type: ignore[assignment]
    for name in ('uniform_', 'normal_'):
        draw: Callable[..., Tensor] = getattr(Tensor, name)

        def sliced(self: Tensor, *args: Any, generator: torch.Generator | None = None, draw: Any = draw) -> Tensor:
            if generator is None:
                return draw(self, *args)
            rows = 0 if self.shape[1] == 1 else 1  # (N, 1, S), else time first: (T, B, 1, S), (H, N, A)
            size = list(self.shape)
            size[rows] *= parallel.count()
            whole = draw(torch.empty(size), *args, generator=generator)
            return self.copy_(whole.narrow(rows, parallel.rank() * self.shape[rows], self.shape[rows]))

        setattr(Tensor, name, sliced)


def train(name: str, overrides: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Two updates of one agent."""
    config, task = tiny(name, overrides), task_of()
    agent = Agent(config, task, seed=parallel.rank())
    agent.follow()
    agent.generator.manual_seed(0)
    parts = [random_batch(config, task, seed, scale) for seed, scale in enumerate(SCALES)]
    separate = {f'part/{index}': first_kl(config, task, part) for index, part in enumerate(parts)}
    if parallel.count() == 1:
        batch = {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
    else:
        batch = parts[parallel.rank()]
    gradients: dict[str, Tensor] = {}
    step = agent.optimiser.step

    def keeping() -> Tensor:
        if not gradients:
            gradients.update({key: p.grad.clone() for key, p in agent.networks.named_parameters() if p.grad is not None})
        return step()

    agent.optimiser.step = keeping  # type: ignore[method-assign]
    numbers = agent.train_step(batch)
    agent.train_step(batch)
    metrics = {f'metric/{key}': torch.tensor(value) for key, value in numbers.items() if isinstance(value, float)}
    return gradients, {**agent.networks.state_dict(), **metrics, **separate}


@torch.no_grad()
def first_kl(config: AgentConfig, task: Task, part: dict[str, Tensor]) -> Tensor:
    agent = Agent(config, task)
    return agent.model.loss(part, agent.generator).metrics['kl']


def main() -> None:
    parallel.join('cpu')
    slice_noise()
    results = {case: train(name, overrides) for case, (name, overrides) in CASES.items()}
    if parallel.rank() == 0:
        torch.save(results, Path(sys.argv[1]) / f'{parallel.count()}.pt')
    parallel.leave()


if __name__ == '__main__':
    main()
