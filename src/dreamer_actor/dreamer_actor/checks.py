"""Does an observation fit the task?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dreamer_learning.config import nearest
from dreamer_learning.spaces import Task
from dreamer_node.refusals import Refused


def check_observation(task: Task, tensors: Mapping[str, np.ndarray], environments: int) -> dict[str, np.ndarray]:
    """The tensors that the policy sees, in the task's order; further ones are left out.

    Args:
        tensors: name -> (E, ...).
        environments: E.

    Raises:
        Refused: a tensor is missing, has another shape or dtype, or is not finite.
    """
    if environments < 1:
        raise Refused('observation_empty', 'observation of 0 environments')
    chosen = {}
    for name, spec in task.observation.items():
        tensor = tensors.get(name)
        if tensor is None:
            raise Refused('observation_tensor_missing', f"observation lacks tensor '{name}'; {nearest(name, tensors)}")
        if tensor.shape[1:] != spec.shape:
            raise Refused(
                'observation_shape',
                f"observation tensor '{name}' has shape {list(tensor.shape[1:])}, the task says {list(spec.shape)}",
            )
        if tensor.dtype.name != spec.dtype:
            raise Refused(
                'observation_dtype', f"observation tensor '{name}' is {tensor.dtype.name}, the task says {spec.dtype}"
            )
        if not spec.image and not np.isfinite(tensor).all():
            raise Refused('observation_not_finite', f"observation tensor '{name}' holds NaN or infinity")
        chosen[name] = tensor
    return chosen
