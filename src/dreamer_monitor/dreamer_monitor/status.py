"""Brings together what the nodes report, and makes the line that a person reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

ALERT_SECONDS = 5.0
"""A report that was not repeated for so long is over."""

WARN, ERROR = 1, 2


@dataclasses.dataclass(frozen=True)
class Status:
    """The state of a run at one moment; None = not known yet.

    Attributes:
        robot_time: seconds, earlier launches of the run included, as is env_steps.
        episode_reward: mean per step of the last episode.
        running_reward: mean per step of the last five minutes of robot time.
        weights_updates, weights_age: optimiser steps behind the weights that act, and seconds since they came; no age
            where none have come. Latencies are in ms.
        losses: name -> value.
        alert: the worst present warning or error, '' if there is none.
    """

    robot_time: float = 0.0
    env_steps: int = 0
    steps_per_second: float = 0.0
    episode_reward: float | None = None
    running_reward: float | None = None
    updates: int | None = None
    updates_per_second: float | None = None
    replay_size: int | None = None
    weights_updates: int | None = None
    weights_age: float | None = None
    latency_p50: float | None = None
    latency_p99: float | None = None
    losses: Mapping[str, float] = dataclasses.field(default_factory=dict)
    alert: str = ''


def format_line(status: Status, width: int) -> str:
    """The console line, at most `width` characters: what does not fit is left out, the least important first."""
    shown_alert = _shortened(f'! {status.alert}', max(24, width // 3)) if status.alert else ''
    # (importance, text), in the order of the line; 0 is the most important.
    parts = [
        (0, clock(status.robot_time)),
        (1, f'{status.env_steps:,} steps {_number(status.steps_per_second)}/s'),
        (3, _reward(status)),
        (4, '' if status.updates_per_second is None else f'{_number(status.updates_per_second)} updates/s'),
        (6, '' if status.replay_size is None else f'replay {status.replay_size:,}'),
        (5, _weights(status)),
        (7, _latency(status)),
        *((8 + index, f'{name} {_number(value)}') for index, (name, value) in enumerate(status.losses.items())),
        (2, shown_alert),
    ]
    parts = [part for part in parts if part[1]]
    while len(parts) > 1 and sum(len(text) + 2 for _, text in parts) - 2 > width:
        parts.remove(max(parts))
    return '  '.join(text for _, text in parts)[:width]


def clock(seconds: float) -> str:
    """A duration as h:mm:ss."""
    whole = int(seconds)
    return f'{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}'


def losses_of(metrics: Mapping[str, float]) -> dict[str, float]:
    """The losses among a learner's metrics, the total first."""
    parts = {name.removeprefix('loss/'): value for name, value in metrics.items() if name.startswith('loss/')}
    total = {'loss': metrics['loss']} if 'loss' in metrics else {}
    return total | parts


def in_namespace(name: str, namespace: str) -> bool:
    """Whether a report is of a node in this very namespace: others on /diagnostics have their own console.

    Args:
        name: '<node with its namespace>: <report>', with or without a leading slash.
        namespace: of the console, '/' = none.
    """
    node = name.split(':')[0].strip('/')
    return node.rpartition('/')[0] == namespace.strip('/')


class Alerts:
    """The worst of the present reports on /diagnostics."""

    def __init__(self) -> None:
        self._reports: dict[str, tuple[int, str, float]] = {}

    def add(self, name: str, level: int, message: str, now: float) -> None:
        """Note a report; level 0 is fine, 1 a warning, 2 an error, 3 stale."""
        if level:
            self._reports[name] = (min(level, ERROR), message, now)
        else:
            self._reports.pop(name, None)

    def worst(self, now: float) -> str:
        """The worst report as text, with the number of others; '' if there is none."""
        self._reports = {name: item for name, item in self._reports.items() if now - item[2] < ALERT_SECONDS}
        if not self._reports:
            return ''
        name, (level, message, _) = max(self._reports.items(), key=lambda item: item[1][0])
        others = f' (+{len(self._reports) - 1})' if len(self._reports) > 1 else ''
        node = name.split(':')[0].rsplit('/', 1)[-1]
        return f'{"ERROR" if level == ERROR else "WARN"} {node}: {message}{others}'


def _reward(status: Status) -> str:
    if status.episode_reward is None and status.running_reward is None:
        return ''
    running = '' if status.running_reward is None else f' (5 min {status.running_reward:.2f})'
    return f'reward {"-" if status.episode_reward is None else f"{status.episode_reward:.2f}"}{running}'


def _weights(status: Status) -> str:
    if status.weights_updates is None:
        return ''
    if status.weights_age is None:
        return 'no weights yet'
    return f'weights {status.weights_updates:,} updates, {status.weights_age:.0f} s old'


def _latency(status: Status) -> str:
    if status.latency_p50 is None:
        return ''
    tail = '' if status.latency_p99 is None else f'/{status.latency_p99:.1f}'
    return f'actor {status.latency_p50:.1f}{tail} ms'


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f'{text[:width - 3]}...'


def _number(value: float) -> str:
    """Three digits that count, without an exponent where possible."""
    if value != value:
        return 'nan'
    if abs(value) >= 1e6:
        return f'{value:.2e}'
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f'{value:.{digits}f}'
