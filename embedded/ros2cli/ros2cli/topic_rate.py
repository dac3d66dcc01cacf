"""`ros2 topic`: hz, bw, delay. Each second they print what the last messages show."""

from __future__ import annotations

import statistics
import sys
from argparse import ArgumentParser, Namespace
from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.time import Time

from ros2cli.command import CommandError, Verb, positive_int
from ros2cli.graph import add_discovery_arguments, expand, open_node, wait_until
from ros2cli.qos import match_publishers
from ros2cli.topic_echo import WAIT_SECONDS, compile_filter
from ros2cli.topic_types import message_class

PRINT_SECONDS = 1.0
NS = 1e-9


def _say_reset() -> None:
    print('time has reset, resetting counters')


def _say_reset_of_bandwidth() -> None:
    print('WARNING: time is reset!', file=sys.stderr)


class Measurement:
    """Values (numbers) in a sliding window of messages, with the times (ns) they came at."""

    def __init__(self, window: int, clock: Clock, say_reset: Callable[[], None] = _say_reset) -> None:
        self._clock = clock
        self._say_reset = say_reset
        self.values: deque[float] = deque(maxlen=window)
        self.times: deque[int] = deque(maxlen=window)
        self.received = 0
        self._reported = 0

    def now(self) -> int | None:
        """The time in ns; None before a simulated clock runs. A clock that was set back empties the window."""
        now: int = self._clock.now().nanoseconds
        if self.times and now < self.times[-1]:
            self._say_reset()
            self.values.clear()
            self.times.clear()
        return now or None

    def add(self, value: float | None, now: int) -> None:
        """Takes one message; None where it gives no value yet, as the first one for an interval."""
        self.times.append(now)
        if value is not None:
            self.values.append(value)
        self.received += 1

    def is_new(self) -> bool:
        """Whether there is something to report that was not yet reported."""
        if not self.values or self.received == self._reported:
            return False
        self._reported = self.received
        return True


def _spread(values: deque[float]) -> str:
    """Minimum, maximum and standard deviation of values in ns, printed in s."""
    return (
        f'min: {min(values) * NS:.3f}s max: {max(values) * NS:.3f}s '
        f'std dev: {statistics.pstdev(values) * NS:.5f}s window: {len(values)}'
    )


def describe_rate(measurement: Measurement) -> str:
    """Average rate from the intervals (ns) between messages."""
    mean = statistics.fmean(measurement.values)
    rate = 1.0 / (mean * NS) if mean > 0.0 else 0.0
    return f'average rate: {rate:.3f}\n\t{_spread(measurement.values)}'


def describe_delay(measurement: Measurement) -> str:
    """Average delay (ns values) between a header's stamp and the arrival."""
    return f'average delay: {statistics.fmean(measurement.values) * NS:.3f}\n\t{_spread(measurement.values)}'


def describe_bandwidth(measurement: Measurement, now: int) -> str:
    """Bytes a second and message sizes, all in the unit that suits the rate."""
    sizes = measurement.values
    rate = sum(sizes) / max((now - measurement.times[0]) * NS, NS)
    divisor, pattern = next(
        (d, p) for limit, d, p in ((1e3, 1, '{:.0f} B'), (1e6, 1e3, '{:.2f} KB'), (float('inf'), 1e6, '{:.2f} MB'))
        if rate < limit
    )
    shown = [pattern.format(number / divisor) for number in (rate, statistics.fmean(sizes), min(sizes), max(sizes))]
    return f'{shown[0]}/s from {len(sizes)} messages\n\tMessage size mean: {shown[1]} min: {shown[2]} max: {shown[3]}'


def _common_arguments(parser: ArgumentParser, window: int, name: str) -> None:
    add_discovery_arguments(parser)
    parser.add_argument(name, metavar='topic_name', help='Name of the ROS topic')
    parser.add_argument(
        '-w', '--window', metavar='WINDOW', type=positive_int, default=window,
        help=f'window size, in # of messages, for calculating rate (default: {window})',
    )


def _hz_arguments(parser: ArgumentParser) -> None:
    _common_arguments(parser, 10000, 'topic')
    parser.add_argument(
        '--filter', dest='filter_expr', metavar='EXPR', help='only measure messages matching the specified Python expression'
    )
    parser.add_argument(
        '--wall-time', action='store_true',
        help='calculates rate using wall time which can be helpful when clock is not published during simulation',
    )


def _bw_arguments(parser: ArgumentParser) -> None:
    _common_arguments(parser, 100, 'topic')


def _delay_arguments(parser: ArgumentParser) -> None:
    _common_arguments(parser, 10000, 'topic')


def _measure(
    options: Namespace,
    value_of: Callable[[Measurement, Any, int], float | None],
    describe: Callable[[Measurement, int], str],
    raw: bool,
    accepts: Callable[[Any], bool] | None = None,
    wall_time: bool = False,
    say_reset: Callable[[], None] = _say_reset,
) -> None:
    """Subscribes and prints every second, until Ctrl-C."""
    with open_node(options) as node:
        topic = expand(node, options.topic)
        kind = message_class(node, topic, options.spin_time, blocking=True)
        clock = Clock(clock_type=ClockType.SYSTEM_TIME) if wall_time else node.get_clock()
        measurement = Measurement(options.window, clock, say_reset)

        def on_message(message: Any) -> None:
            if accepts is not None and not accepts(message):
                return
            now = measurement.now()
            if now is not None:
                measurement.add(value_of(measurement, message, now), now)

        def report() -> None:
            now = measurement.now()
            if now is not None and measurement.is_new():
                print(describe(measurement, now))

        _subscribe(node, kind, topic, on_message, raw)
        node.create_timer(PRINT_SECONDS, report, clock=Clock(clock_type=ClockType.STEADY_TIME))
        wait_until(node, lambda: False, None, WAIT_SECONDS)


def _subscribe(node: Node, kind: Any, topic: str, callback: Callable[[Any], None], raw: bool) -> None:
    node.create_subscription(kind, topic, callback, match_publishers(node, topic, qos_profile_sensor_data), raw=raw)


def _hz(options: Namespace) -> None:
    accepts = compile_filter(options.filter_expr)

    def interval(measurement: Measurement, _message: Any, now: int) -> float | None:
        return now - measurement.times[-1] if measurement.times else None

    def describe(measurement: Measurement, _now: int) -> str:
        return describe_rate(measurement)

    _measure(options, interval, describe, raw=accepts is None, accepts=accepts, wall_time=options.wall_time)


def _bw(options: Namespace) -> None:
    def size(_measurement: Measurement, message: Any, _now: int) -> float:
        return len(message)

    print(f'Subscribed to [{options.topic}]')
    _measure(options, size, describe_bandwidth, raw=True, say_reset=_say_reset_of_bandwidth)


def _delay(options: Namespace) -> None:
    def delay(_measurement: Measurement, message: Any, now: int) -> float:
        if not hasattr(message, 'header'):
            raise CommandError(f"msg does not have header: '{options.topic}' carries {type(message).__name__}")
        return now - Time.from_msg(message.header.stamp).nanoseconds

    _measure(options, delay, lambda measurement, _now: describe_delay(measurement), raw=False)


VERBS = {
    'hz': Verb('Print the average publishing rate to screen', _hz, _hz_arguments),
    'bw': Verb('Display bandwidth used by topic', _bw, _bw_arguments),
    'delay': Verb('Display delay of topic from timestamp in header', _delay, _delay_arguments),
}
