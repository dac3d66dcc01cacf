"""What is printed and kept of a run of learn_robot.py."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np
from common import check_free

from dreamer_learner.updater import Updater
from dreamer_learning.atomic import write_file
from dreamer_learning.config import ConfigError
from dreamer_monitor import chart
from dreamer_sensing.observer import SensedStep

REPORT_EVERY = 1000  # steps: fifty seconds of robot time at 20 Hz
PROGRESS, CURVE = 'progress.csv', 'learning_curve.png'
COLUMNS = ('steps', 'reward', 'updates', 'seconds')
LINE = (168, 84, 24)


class Report:
    """A line on the terminal every REPORT_EVERY steps; with a folder also a row of progress.csv, at once, and
    learning_curve.png at the end, however that comes.

    Args:
        folder: made if it is missing; it must not hold a progress.csv.

    Raises:
        ConfigError: nothing can be written there.
    """

    def __init__(self, folder: Path | None, updater: Updater, rate: float, title: str) -> None:
        self._folder, self._updater, self._rate, self._title = folder, updater, rate, title
        self._rows: list[tuple[int, float]] = []  # (steps, mean reward since the row before)
        self._steps = 0
        self._rewards: list[float] = []
        self._parts: list[list[float]] = []
        self._begin = self._last = time.monotonic()
        self._file = _create(folder / PROGRESS) if folder else None
        self._write(COLUMNS)

    def __enter__(self) -> Report:
        return self

    def __exit__(self, *_: object) -> None:
        if self._rewards:
            self._line()
        if self._folder and self._file:
            self._file.close()
            minutes = [(steps / self._rate / 60, reward) for steps, reward in self._rows if math.isfinite(reward)]
            data = cv2.imencode('.png', picture(minutes, self._title))[1]
            write_file(self._folder / CURVE, data.tobytes())

    def add(self, seen: SensedStep) -> None:
        if not seen.is_first:
            self._rewards.append(seen.reward)
            self._parts.append(list(seen.parts.values()))
            self._names = list(seen.parts)
        self._steps += 1
        if self._steps % REPORT_EVERY == 0:
            self._line()

    def _line(self) -> None:
        """Of the steps since the line before."""
        now, updates = time.monotonic(), self._updater.agent.updates
        reward = float(np.mean(self._rewards))
        parts = ' '.join(f'{name}={value:.2f}' for name, value in zip(self._names, np.mean(self._parts, 0)))
        metrics = ' '.join(f'{name}={value:.3g}' for name, value in self._updater.meters.collect().items())
        left_out = f' ({self._updater.bad} left out)' if self._updater.bad else ''
        print(f'{self._steps / self._rate / 60:6.1f} min  reward {reward:6.2f}  {parts}  updates {updates}{left_out}  '
              f'{(now - self._last) / len(self._rewards) * 1000:.1f} ms/step {metrics}', flush=True)
        self._write([self._steps, reward, updates, now - self._begin])
        self._rows.append((self._steps, reward))
        self._rewards, self._parts, self._last = [], [], now

    def _write(self, row: Sequence[object]) -> None:
        if self._file:
            csv.writer(self._file).writerow(row)
            self._file.flush()


def _create(path: Path) -> TextIO:
    """
    Raises:
        ConfigError: the file cannot be made, or is there: it holds a run.
    """
    check_free(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open('x', newline='')
    except OSError as error:
        raise ConfigError(f'--out {path.parent}: {error.strerror}; allowed: a folder that can be written to') from None


def picture(points: Sequence[tuple[float, float]], title: str) -> np.ndarray:
    """Points (minutes of robot time, average reward) as a line, (HEIGHT, WIDTH, 3) uint8 BGR."""
    rewards = [reward for _, reward in points] or [0.0, 1.0]
    end = max([minute for minute, _ in points], default=1.0)
    y_ticks = chart.ticks(min(rewards), max(rewards), 7)
    axes = chart.Axes(end, y_ticks[0], y_ticks[-1])
    image = np.full((chart.HEIGHT * chart.SHARP, chart.WIDTH * chart.SHARP, 3), 255, np.uint8)
    chart.draw_frame(image, axes, [(tick, tick) for tick in chart.ticks(0.0, end, 11)], y_ticks)
    line = np.array([(axes.x(minute), axes.y(reward)) for minute, reward in points], np.int32).reshape(-1, 1, 2)
    cv2.polylines(image, [line], False, LINE, 3 * chart.SHARP, cv2.LINE_AA)
    for x, y in line.reshape(-1, 2).tolist():
        cv2.circle(image, (x, y), 5 * chart.SHARP, LINE, -1, cv2.LINE_AA)
    chart.draw_text(image, title, chart.LEFT, 40, 0.85, chart.INK, thickness=2)
    middle = (chart.WIDTH + chart.LEFT - chart.RIGHT) / 2
    chart.draw_text(image, 'Robot time (min)', middle, chart.HEIGHT - 26, 0.62, chart.INK, 'middle')
    chart.draw_vertical_text(image, 'Average reward per step', 22, (chart.HEIGHT + chart.TOP - chart.BOTTOM) / 2)
    return cv2.resize(image, (chart.WIDTH, chart.HEIGHT), interpolation=cv2.INTER_AREA)
