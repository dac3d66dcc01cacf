"""Sensor data that cannot be used."""

from __future__ import annotations


class SensorError(ValueError):
    """A sensor message that is refused. The text names what is wrong and what is allowed.

    Attributes:
        cause: short fixed name of the kind of fault; refusals are counted by it.
    """

    def __init__(self, cause: str, text: str) -> None:
        super().__init__(text)
        self.cause = cause
