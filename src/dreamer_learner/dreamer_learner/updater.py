"""One agent, its updates, and what happens when a loss is not a number."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from dreamer_learner.faults import Fault, find_fault
from dreamer_learner.meters import Meters
from dreamer_learning import parallel
from dreamer_learning.agent import Agent
from dreamer_learning.batch import to_tensors
from dreamer_learning.replay import Replay, ReplayEmpty

BAD_IN_A_ROW = 10
"""Updates without a finite loss, one after another, after which training is given up."""


class TrainingFailed(RuntimeError):
    """Training cannot go on. The message is for the person at the terminal."""


class Updater:
    """Draws batches, updates the agent, writes the new latents back.

    Args:
        warn: takes a line about an update that was left out, once for each thing that can be wrong.
        info: takes a line about how long compiling took.

    Attributes:
        bad: updates whose loss or gradient was not finite; their latents are not used.
        compiling: whether the first update of a compiled agent goes on.
    """

    def __init__(self, agent: Agent, replay: Replay, warn: Callable[[str], None], info: Callable[[str], None]) -> None:
        self.agent = agent
        self.meters = Meters()
        self.bad = 0
        self.compiling, self._begun = False, False
        self._replay = replay
        self._bad_in_a_row = 0
        self._first: Fault | None = None  # of those in a row
        self._warn, self._info, self._said = warn, info, set[str]()
        self._batch: dict[str, torch.Tensor] | None = None
        self._size = (parallel.share(agent.config.replay.batch), agent.config.replay.length)

    @property
    def sound(self) -> bool:
        """Whether the last update was finite: only then the agent is worth publishing and saving."""
        return self._bad_in_a_row == 0

    def update(self) -> bool:
        """One update; False where the replay does not hold a window of the needed length yet.

        Raises:
            TrainingFailed: too many in a row without a finite loss.
        """
        try:
            batch = to_tensors(self._replay.sample(*self._size), self.agent.device)
        except ReplayEmpty:
            return False
        self.compiling = self.agent.compiled and not self._begun
        began = time.monotonic()
        metrics = self.agent.train_step(batch)
        if self.compiling:
            self._info(f'the first update, with the compilation of its parts, took {time.monotonic() - began:.1f} s')
        self.compiling, self._begun = False, True
        latents = metrics.pop('latents')
        fault = find_fault(metrics, batch, self._replay, self.agent.unsound)
        if fault is not None:
            self._count_bad(fault)
            return True
        self._bad_in_a_row = 0
        self._batch = batch
        if latents is not None:
            known = batch['index'], batch['mirrored'], latents['deter'], latents['stoch']
            self._replay.update_latents(*(x.cpu().numpy() for x in known))
        self.meters.record(metrics)
        return True

    def predict(self) -> dict[str, np.ndarray] | None:
        """Open-loop prediction beside the truth, see Agent.report; None before the first update.

        The batch is that of the last update: drawing another one would change what training draws next. The window is one that
        happened, not one as in a mirror, where there is one.
        """
        if self._batch is None:
            return None
        window = int(self._batch['mirrored'].int().argmin())
        return self.agent.report({name: value[window:window + 1] for name, value in self._batch.items()}, 1)

    def _count_bad(self, fault: Fault) -> None:
        self.bad += 1
        self._first = fault if self._bad_in_a_row == 0 else self._first
        self._bad_in_a_row += 1
        if fault.kind not in self._said:
            self._said.add(fault.kind)
            self._warn(f'update {self.agent.updates} left out: {fault} (counted, not said again)')
        if self._bad_in_a_row >= BAD_IN_A_ROW:
            raise TrainingFailed(
                f'{self._bad_in_a_row} updates in a row without a finite loss, at update {self.agent.updates}; '
                f'in the first of them: {self._first}')


def choose_threads(asked: int, cores: int, device: torch.device) -> int:
    """Threads of torch for training.

    Args:
        asked: parameter `threads`; 0 = choose.
        cores: that this process may use.
    """
    if asked > 0:
        return asked
    if device.type != 'cpu':
        return 1
    # One core stays free for the control nodes. More than four make the small matrices of these models slower.
    return max(1, min(cores - 1, 4))
