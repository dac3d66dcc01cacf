"""Whether the machine's memory holds networks, found out before they are built: the kernel ends a process that takes too much of
it without a word."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from dreamer_learning.agent_config import AgentConfig, title
from dreamer_learning.config import ConfigError
from dreamer_learning.spaces import Task
from dreamer_learning.storage import available_memory

TRAINED = 4
"""Tensors for each parameter in training: itself, its gradient and the optimiser's two moments."""

GIB = 2**30


def check_memory(make: Callable[[], nn.Module], copies: int, config: AgentConfig, task: Task) -> None:
    """Compare what networks would take with what is available now.

    Args:
        make: builds them; called where tensors have shapes, but no memory.
        copies: tensors for each parameter, itself included.
        config, task: of the networks, for messages.

    Raises:
        ConfigError: it does not suffice.
    """
    available = available_memory()
    if available is None:
        return
    with torch.device('meta'):
        tensors = [value for value in make().state_dict().values() if isinstance(value, torch.Tensor)]
    needed = copies * sum(value.numel() * value.element_size() for value in tensors)
    if needed > available:
        raise ConfigError(
            f'{title({**config.names(), "task": task.name})}: {sum(value.numel() for value in tensors):,} parameters take '
            f'{needed / GIB:,.1f} GiB of memory, {available / GIB:,.1f} GiB are available; choose a smaller size, or less of '
            'networks: units, depth and dynamics: deter, hidden, stoch')
