"""What a robot is to the driver: something that measures and takes commands."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import NamedTuple

from dreamer_drivers.command import GateCommand, Measurement


class Answer(NamedTuple):
    """Which observation a command answers.

    Attributes:
        stamp: ns, of the sensor data.
    """

    stamp: int = 0
    stream: int = 0
    step: int = 0


class Listener(NamedTuple):
    """Whom a backend tells what it reads.

    Attributes:
        measured: takes each measurement of the joints.
        tilted: takes roll and pitch of the base (rad) and their stamp (s).
        failed: takes a description of sensor data that could not be used.
    """

    measured: Callable[[Measurement], None]
    tilted: Callable[[float, float, float], None]
    failed: Callable[[str], None]


class Backend(abc.ABC):
    """One robot, or what plays it. All calls come from the driver's own thread."""

    @abc.abstractmethod
    def connect(self, listener: Listener) -> None:
        """Begin to read; nothing moves.

        Raises:
            ConfigError: the robot cannot be reached.
        """

    @abc.abstractmethod
    def send(self, command: GateCommand, answer: Answer) -> GateCommand:
        """Carry out a command; returns what was really sent."""

    @abc.abstractmethod
    def disconnect(self) -> None:
        """Stop reading and sending. Without commands the hardware holds, then damps."""

    @property
    def ready(self) -> bool:
        """Who else drives the robot is known: commands that move it may be sent."""
        return True

    def conflict(self) -> str:
        """Why this driver has to stop commanding: another one drives the robot. Empty when it need not; asked often."""
        return ''

    def warning(self) -> str:
        """What a person should know about the connection; empty when all is well."""
        return ''
