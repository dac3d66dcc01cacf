"""Publishes a node's state on /diagnostics once a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from dreamer_node.qos import STANDARD

OK, WARN, ERROR, STALE = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR, DiagnosticStatus.STALE

Report = tuple[bytes, str, Mapping[str, object]]
"""Level, one-line summary, values."""


RECENT = 10.0
"""Seconds for which something that happened is worth a warning."""


class Recent:
    """Whether a counter rose lately: a warning is for what goes wrong now, a total stays a value.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._count = 0.0
        self._risen: float | None = None

    def rose(self, count: float) -> bool:
        """Whether the count is above that of an earlier call in the last RECENT seconds; ask at every report."""
        now = self._clock()
        if count > self._count:
            self._risen = now
        self._count = count
        return self._risen is not None and now - self._risen < RECENT


class Diagnostics:
    """Collects reports and publishes them as one DiagnosticArray.

    Args:
        node: whose clock and publisher are used.
        hardware_id: robot or part that the reports are about.
    """

    def __init__(self, node: Node, hardware_id: str, period: float = 1.0) -> None:
        self._node = node
        self._hardware_id = hardware_id
        self._tasks: dict[str, Callable[[], Report]] = {}
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', STANDARD)
        # Wall time: a stopped simulation clock is itself worth a report.
        self._timer = node.create_timer(period, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def add(self, name: str, task: Callable[[], Report]) -> None:
        """Add a report; `task` is called at each publication."""
        self._tasks[name] = task

    def publish(self) -> None:
        """Publish all reports now."""
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        for name, task in self._tasks.items():
            level, summary, values = task()
            message.status.append(
                DiagnosticStatus(
                    level=level,
                    name=f'{self._node.get_fully_qualified_name().lstrip("/")}: {name}',
                    message=summary,
                    hardware_id=self._hardware_id,
                    values=[KeyValue(key=key, value=_text(value)) for key, value in values.items()],
                )
            )
        self._publisher.publish(message)


def _text(value: object) -> str:
    return f'{value:.4g}' if isinstance(value, float) else str(value)
