"""A batch of replayed windows as tensors: the names of its entries, and how the model sees actions.

Shapes: B windows, T steps, A action, D deterministic units, S latent variables.

| key | shape, type | meaning of row t |
|---|---|---|
| observation/<name> | (B, T, ...) float32, or uint8 images | what was seen at t |
| action | (B, T, A) float32 or (B, T) int32 | chosen at t |
| reward | (B, T) float32 | earned by arriving at t |
| is_first, is_last, is_terminal | (B, T) bool | flags of t |
| previous_action | (B, A) float32 or (B) int32 | chosen one step before the window |
| context_deter, context_stoch | (B, D) float16, (B, S) uint8 | stored latent of the step before the window |
| context_valid | (B) bool | there is such a latent |
| index | (B, T) int64 | serial numbers of the rows in the replay |
| mirrored | (B) bool | observations and actions are as in a mirror (mirror.py) |
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dreamer_learning.spaces import ActionSpec

OBSERVATION = 'observation/'


def to_tensors(batch: Mapping[str, np.ndarray], device: torch.device | str = 'cpu') -> dict[str, Tensor]:
    """Arrays -> tensors on the device; memory is shared on the CPU."""
    return {name: torch.from_numpy(array).to(device, non_blocking=True) for name, array in batch.items()}


def observations(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The observation tensors by their own names, batch and time flattened: (B*T, ...)."""
    start = len(OBSERVATION)
    return {name[start:]: x.flatten(0, 1) for name, x in batch.items() if name.startswith(OBSERVATION)}


def encode_action(action: Tensor, spec: ActionSpec) -> Tensor:
    """What the model takes in: (..., A) float32 as it is, (...) choices as one-hot vectors (..., A)."""
    return functional.one_hot(action.long(), spec.size).float() if spec.discrete else action


def shifted_actions(batch: Mapping[str, Tensor], spec: ActionSpec) -> Tensor:
    """The action before each step: (B, T, A)."""
    first = encode_action(batch['previous_action'], spec).unsqueeze(1)
    return torch.cat([first, encode_action(batch['action'][:, :-1], spec)], 1)


def first_in_window(is_first: Tensor) -> Tensor:
    """(B, T) bool, with every window beginning as an episode does."""
    return torch.cat([torch.ones_like(is_first[:, :1]), is_first[:, 1:]], 1)


def context(batch: Mapping[str, Tensor], classes: int) -> tuple[Tensor, Tensor]:
    """State before the window, zero where none is stored: (B, D), (B, C*S)."""
    valid = batch['context_valid'].float().unsqueeze(-1)
    stoch = functional.one_hot(batch['context_stoch'].long(), classes).transpose(1, 2).float().flatten(1)
    return batch['context_deter'].float() * valid, stoch * valid
