"""What made an update's loss something else than a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor

from dreamer_learning import parallel
from dreamer_learning.replay import Replay


class Fault(NamedTuple):
    """The first number of an update that is not finite.

    Attributes:
        loss: the first of the metrics that is not finite, and what it is: 'loss/reward is NaN'.
        source: the same of the batch: 'reward of step 5 of stream 3 is NaN'; '' where all that was replayed is finite.
        kind: name of the tensor, or else of the loss.
        tensor: the first parameter or gradient that is not finite, where the batch is without fault.
    """

    loss: str
    source: str
    kind: str
    tensor: str = ''

    def __str__(self) -> str:
        if self.source:
            return f'{self.source}, so that {self.loss}'
        here = ' in this process' if parallel.count() > 1 else ''
        tensor = f'; not finite either: {self.tensor}' if self.tensor else ''
        return f'{self.loss}, of a batch without fault{here}{tensor}'


def find_fault(
    metrics: Mapping[str, float], batch: Mapping[str, Tensor], replay: Replay, unsound: Callable[[], str]
) -> Fault | None:
    """Where a fault came from; None where loss and gradient are finite.

    Args:
        metrics: of Agent.train_step.
        batch: what was trained on, see batch.py.
        replay: knows which step a row of the batch is.
        unsound: see Agent.unsound.
    """
    if math.isfinite(metrics['loss']) and math.isfinite(metrics['gradient_norm']):
        return None
    losses = [name for name in metrics if name.startswith('loss/')]
    first = next(name for name in (*losses, 'loss', 'gradient_norm') if not math.isfinite(metrics[name]))
    loss = f'{first} is {_word(metrics[first])}'
    for name, tensor in batch.items():
        finite = tensor.isfinite()
        if not finite.all():
            place = (~finite).nonzero()[0].tolist()
            return Fault(loss, f'{name} {_where(name, place, batch, replay)} is {_word(tensor[tuple(place)].item())}', name)
    return Fault(loss, '', first, unsound())


def _where(name: str, place: list[int], batch: Mapping[str, Tensor], replay: Replay) -> str:
    """The step that an element belongs to: place is (row, step, ...), or (row, ...) of what came before the window."""
    window = not name.startswith(('previous_', 'context_'))
    found = replay.locate(int(batch['index'][place[0], place[1] if window else 0]))
    if found is None:
        return 'of a step that is not stored any more'
    stream, env, step = found
    lane = f'stream {stream}' + (f', environment {env}' if env else '')
    return f'of step {step} of {lane}' if window else f'before step {step} of {lane}'


def _word(value: float) -> str:
    return 'NaN' if math.isnan(value) else 'infinite'
