"""Steps of a robot as in a mirror: left and right of what it senses and does exchanged.

A robot whose left and right are alike has two steps to learn from for each that it makes. Which numbers change places and
which change their sign is the task's to say (`mirror` in its file); images are turned around by their width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from dreamer_learning.batch import OBSERVATION
from dreamer_learning.spaces import ACTION, MirrorSpec, Task

Turn = Callable[[np.ndarray], np.ndarray]


def order(spec: MirrorSpec, size: int) -> np.ndarray:
    """(size,) int32: which number comes to each place."""
    result = np.arange(size, dtype=np.int32)
    for one, other in spec.swap:
        result[[one, other]] = other, one
    return result


def turn_vector(spec: MirrorSpec, shape: tuple[int, ...]) -> Turn:
    """What turns (..., *shape) around; indices count its numbers in their order."""
    size = math.prod(shape)
    places, signs = order(spec, size), np.ones(size, np.float32)
    signs[list(spec.negate)] = -1
    return lambda x: (x.reshape(*x.shape[:x.ndim - len(shape)], size)[..., places] * signs).reshape(x.shape)


def turn_choice(spec: MirrorSpec, size: int) -> Turn:
    """What turns numbers of choices, of any shape, around."""
    places = order(spec, size)
    return lambda x: places[x]


def turn_image(image: np.ndarray) -> np.ndarray:
    """(..., height, width, channels) with its left on the right."""
    return image[..., ::-1, :]


class Mirror:
    """Turns windows of a batch around.

    Args:
        turns: entry of a batch (batch.py) -> what turns it around.
    """

    def __init__(self, turns: Mapping[str, Turn]) -> None:
        self._turns = dict(turns)

    @classmethod
    def of(cls, task: Task) -> Mirror | None:
        """As a task describes it; None where it does not."""
        if not task.mirror:
            return None
        action, spec = task.action, task.mirror[ACTION]
        turn = turn_choice(spec, action.size) if action.discrete else turn_vector(spec, (action.size,))
        turns = {'action': turn, 'previous_action': turn}
        for name, seen in task.observation.items():
            turns[OBSERVATION + name] = turn_image if seen.image else turn_vector(task.mirror[name], seen.shape)
        return cls(turns)

    def apply(self, batch: dict[str, np.ndarray], chosen: np.ndarray) -> None:
        """Turn the windows around where `chosen` (B) is true, in place. Stored latents are those of the steps as they were made:
        such a window begins as an episode does."""
        for name, turn in self._turns.items():
            batch[name][chosen] = turn(batch[name][chosen])
        batch['is_first'][chosen, 0] = True
        batch['context_valid'][chosen] = False
