"""The order of steps: which action is new, which is a retry, which is too old."""

from __future__ import annotations

import enum


class Order(enum.Enum):
    NEW = enum.auto()
    RETRY = enum.auto()
    OLD = enum.auto()


class StepOrder:
    """Compares (stream, step) with the last answered one. Another stream is always new: its publisher was restarted."""

    def __init__(self) -> None:
        self._stream: int | None = None
        self._step = 0

    def judge(self, stream: int, step: int) -> Order:
        """How this step relates to the last answered one."""
        if stream != self._stream or step > self._step:
            return Order.NEW
        return Order.RETRY if step == self._step else Order.OLD

    def answered(self, stream: int, step: int) -> None:
        """Remember the last answered step."""
        self._stream, self._step = stream, step
