"""One of the processes of test_parallel.py, or one that does the same alone.

Usage: parallel_worker.py FOLDER. Writes FOLDER/<number of processes>.pt: agent -> (gradients of the first update, state after
two), both by name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from family_toys import AGENTS, random_batch, shrunk, task_of
from torch import Tensor

from dreamer_learning import parallel
from dreamer_learning.agent import Agent

PARTS = 2


def slice_noise() -> None:
    """Every process draws the noise of the whole batch and takes its part of the rows, so that all ways see the same."""
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


def train(name: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Two updates of one agent."""
    config, task = shrunk(name), task_of()
    agent = Agent(config, task, seed=parallel.rank())
    agent.follow()
    agent.generator.manual_seed(0)
    parts = [random_batch(config, task, seed) for seed in range(PARTS)]
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
    return gradients, {**agent.networks.state_dict(), **metrics}


def main() -> None:
    parallel.join('cpu')
    slice_noise()
    results = {name: train(name) for name in AGENTS}
    if parallel.rank() == 0:
        torch.save(results, Path(sys.argv[1]) / f'{parallel.count()}.pt')
    parallel.leave()


if __name__ == '__main__':
    main()
