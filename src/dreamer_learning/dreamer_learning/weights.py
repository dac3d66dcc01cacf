"""Policy parameters as safetensors bytes and back. Never pickle."""

from __future__ import annotations

from collections.abc import Mapping

import safetensors
import safetensors.torch
from torch import Tensor


class WeightsError(ValueError):
    """Weights cannot be used. The message says why."""


def dump(params: Mapping[str, Tensor]) -> bytes:
    """Tensors -> safetensors bytes."""
    return safetensors.torch.save({name: value.detach().cpu().contiguous() for name, value in params.items()})


def parse(data: bytes) -> dict[str, Tensor]:
    """Safetensors bytes -> tensors.

    Raises:
        WeightsError: empty, truncated, or not safetensors.
    """
    try:
        return safetensors.torch.load(bytes(data))
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(f'weights: {len(data)} bytes are not complete safetensors: {error}') from None
