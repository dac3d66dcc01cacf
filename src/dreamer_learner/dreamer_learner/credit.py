"""How many updates the environment's steps pay for, and how far the environment may go before the next one."""

from __future__ import annotations

import math
from typing import Any


class TrainCredit:
    """Updates in proportion to environment steps.

    An update replays batch * length steps; `ratio` is replayed steps per environment step (agent steps, not frames), so
    each environment step pays for ratio / (batch * length) updates. Steps before `fill` pay for none.

        steps    0 ........ fill ......................
        updates             |1    |2    |3    |4          every batch * length / ratio steps, the first at fill

    Args:
        ratio: 0 = train all the time.
        batch, length: of an update.
        fill: environment steps before the first update.
    """

    def __init__(self, ratio: float, batch: int, length: int, fill: int) -> None:
        self.ratio = ratio
        self.fill = fill
        self._replayed = batch * length
        self.steps = 0
        self._spent = 0

    def add(self, steps: int) -> None:
        """Environment steps arrived."""
        self.steps += steps

    def due(self) -> bool:
        """Whether an update is paid for."""
        if self.steps < self.fill:
            return False
        return self.ratio == 0.0 or self.steps >= self._due_at()

    def spend(self) -> None:
        """An update was made."""
        self._spent += 1

    def allowed(self) -> float:
        """Environment steps after which an update is due that was not made yet: the environment waits there."""
        return math.inf if self.ratio == 0.0 else float(self._due_at())

    def postpone(self, steps: int) -> None:
        """Due, but the replay holds no window yet: wait for `steps` more. Nothing stays owed."""
        self.fill = self.steps + steps
        self._spent = 0

    def _due_at(self) -> int:
        return self.fill + math.ceil(self._spent * self._replayed / self.ratio)

    def state_dict(self) -> dict[str, Any]:
        return {'steps': self.steps, 'spent': self._spent, 'fill': self.fill, 'price': self._price()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue. With another ratio or batch the steps so far count as paid: there is no burst of updates."""
        self.steps = int(state['steps'])
        if state['price'] == self._price():
            self._spent, self.fill = int(state['spent']), int(state['fill'])
        else:
            self.fill = max(self.fill, self.steps)

    def _price(self) -> list[float]:
        return [self.ratio, float(self._replayed)]
