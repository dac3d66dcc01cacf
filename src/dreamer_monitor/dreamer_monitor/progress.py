"""progress.csv: one line per ten seconds, continued when a run is resumed."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import os
from pathlib import Path

PERIOD = 10.0
"""Seconds of wall time between two lines."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One line; None = not known, an empty field.

    Attributes:
        wall_time: seconds since the epoch.
        robot_time: seconds, and steps of all environments, since the run began.
        reward: mean per step since the line before; `reward_steps` is the number of steps in it.
        episode_reward: mean over the episodes that ended since the line before, of their mean reward per step.
        weights_updates, weights_age: optimiser steps behind the weights that act, and seconds since they came.
        latency_p50, latency_p99: ms.
    """

    wall_time: float
    robot_time: float
    env_steps: int
    steps_per_second: float
    reward: float | None
    reward_steps: int
    episode_reward: float | None
    reward_5min: float | None
    updates: int | None = None
    updates_per_second: float | None = None
    replay_size: int | None = None
    weights_updates: int | None = None
    weights_age: float | None = None
    latency_p50: float | None = None
    latency_p99: float | None = None
    loss: float | None = None


FIELDS = tuple(field.name for field in dataclasses.fields(Row))
WHOLE = frozenset(field.name for field in dataclasses.fields(Row) if str(field.type).startswith('int'))


class Progress:
    """Appends rows; each is one write.

    Attributes:
        earlier: rows of earlier launches of this run. A line that was cut short is removed.

    Raises:
        OSError: the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.earlier: list[Row] = []
        if path.is_file():
            self._take_up()
        if not path.is_file() or not path.stat().st_size:
            self._write(','.join(FIELDS) + '\n')

    def append(self, row: Row) -> None:
        """Write one row."""
        values = [_text(name, getattr(row, name)) for name in FIELDS]
        self._write(','.join(values) + '\n')

    def _take_up(self) -> None:
        data = self._path.read_bytes()
        whole = data[:data.rfind(b'\n') + 1]
        lines = csv.reader(io.StringIO(whole.decode('utf-8', errors='replace')))
        if whole and tuple(next(lines)) != FIELDS:
            # Columns of another version: kept beside the new file.
            self._path.replace(_free_name(self._path))
            return
        if len(whole) < len(data):
            os.truncate(self._path, len(whole))
        for line in lines:
            with contextlib.suppress(ValueError, TypeError):
                self.earlier.append(_row(line))

    def _write(self, text: str) -> None:
        """Append text; what was written of it is taken back when the disk is full."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            data = text.encode()
            try:
                while data:
                    data = data[os.write(descriptor, data):]
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)


def _row(line: list[str]) -> Row:
    if len(line) != len(FIELDS):
        raise ValueError('another number of fields')
    values = {
        name: None if not text else int(text) if name in WHOLE else float(text) for name, text in zip(FIELDS, line)
    }
    return Row(**values)  # type: ignore[arg-type]


def _text(name: str, value: float | None) -> str:
    if value is None:
        return ''
    if name in WHOLE:
        return str(int(value))
    return f'{value:.3f}' if name.endswith('_time') else f'{value:.6g}'


def _free_name(path: Path) -> Path:
    number = 1
    while (name := path.with_name(f'{path.stem}.{number}{path.suffix}')).exists():
        number += 1
    return name
