"""An agent whose heads say something."""

from __future__ import annotations

import torch
from learning_toys import small_config, small_task

from dreamer_learning.agent import Agent


def shaken_agent(discrete: bool = False, **overrides: dict) -> Agent:
    """Heads that start at zero would make most of these numbers zero; small bins are likelier, so that values are small."""
    agent = Agent(small_config(**overrides), small_task(discrete))
    for name, parameter in agent.networks.named_parameters():
        parameter.data.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
        if name.endswith('out.bias') and len(parameter) == agent.config.heads.bins:
            parameter.data.sub_(torch.linspace(-20, 20, len(parameter)).square())
    return agent


def no_ends(path: torch.Tensor) -> torch.Tensor:
    """No start of these paths (H+1, N, F) is a true end: (N)."""
    return torch.zeros(path.shape[1], dtype=torch.bool)
