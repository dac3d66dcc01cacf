"""Steps of a small environment for the tests."""

from collections.abc import Iterator

import numpy as np

from dreamer_node.wire import CompleteStep


def step(index: int, stream: int = 1, envs: int = 1, latent: bool = True) -> CompleteStep:
    """Step `index`: state and action are waves of it, episodes last 20 steps."""
    phase = 0.3 * index + np.arange(5)
    return CompleteStep(
        stream=stream,
        step=index,
        stamp=0.05 * index,
        tensors={'state': np.tile(np.sin(phase).astype(np.float32), (envs, 1))},
        reward=np.full(envs, 0.0 if index % 20 == 0 else 0.1, np.float32),
        is_first=np.full(envs, index % 20 == 0),
        is_last=np.full(envs, index % 20 == 19),
        is_terminal=np.zeros(envs, bool),
        action=np.tile(np.cos(phase[:2]).astype(np.float32), (envs, 1)),
        latent={'deter': np.zeros((envs, 32), np.float16), 'stoch': np.zeros((envs, 4), np.uint8)} if latent else {},
    )


def steps(start: int, end: int, stream: int = 1) -> Iterator[CompleteStep]:
    return (step(index, stream) for index in range(start, end))
