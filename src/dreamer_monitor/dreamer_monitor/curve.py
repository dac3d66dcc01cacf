"""The learning curve: average reward per five minutes of robot time, and per episode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from dreamer_learning.atomic import write_file
from dreamer_monitor.accounting import Mean
from dreamer_monitor.chart import (
    BOTTOM,
    HEIGHT,
    INK,
    LEFT,
    RIGHT,
    SHARP,
    TOP,
    WIDTH,
    Axes,
    draw_frame,
    draw_text,
    draw_vertical_text,
    ticks,
)

BIN, SLOT = 300.0, 10.0
"""Seconds of robot time: what one point averages, and how finely rewards are kept."""

EPISODES, BINS = (214, 178, 140), (168, 84, 24)


class Curve:
    """Collects rewards over robot time."""

    def __init__(self) -> None:
        self._slots: dict[int, Mean] = {}  # of SLOT seconds
        self.episodes: list[tuple[float, float]] = []

    def add(self, time: float, rewards: Mean) -> None:
        """Rewards that came at this robot time in seconds; what is not finite cannot be drawn and is left out."""
        if rewards.count and math.isfinite(rewards.total):
            self._slots.setdefault(int(time // SLOT), Mean()).add(rewards.total, rewards.count)

    def add_episode(self, end: float, reward: float) -> None:
        """An episode's end in seconds of robot time, and its mean reward per step."""
        if math.isfinite(reward):
            self.episodes.append((end, reward))

    def bins(self) -> list[tuple[float, float]]:
        """(start in seconds, average reward per step) of each five minutes with rewards. What is left at the end counts to the
        five minutes before while it is less than half as long: an average of seconds would look like one of minutes."""
        width = int(BIN // SLOT)
        bins: dict[int, Mean] = {}
        for slot, mean in sorted(self._slots.items()):
            bins.setdefault(slot // width, Mean()).add(mean.total, mean.count)
        last, filled = divmod(max(self._slots, default=0), width)
        if filled < width // 2 and last - 1 in bins:
            rest = bins.pop(last)
            bins[last - 1].add(rest.total, rest.count)
        return [(index * BIN, mean.total / mean.count) for index, mean in bins.items()]

    def recent(self) -> float | None:
        """Average reward per step of the last five minutes before the newest reward, to SLOT seconds; None of nothing."""
        newest = max(self._slots, default=0)
        total = Mean()
        for slot, mean in self._slots.items():
            if slot > newest - BIN // SLOT:
                total.add(mean.total, mean.count)
        return total.value


def draw(path: Path, curve: Curve, end: float, title: str) -> None:
    """Write the curve as a PNG file of WIDTH x HEIGHT pixels, in one step.

    Args:
        end: robot time at the end of the run, seconds.
        title: shown above; ASCII.

    Raises:
        OSError: it cannot be written; an older one stays.
    """
    image = render(curve, end, title)
    _, data = cv2.imencode('.png', image)
    write_file(path, data.tobytes())


def render(curve: Curve, end: float, title: str) -> np.ndarray:
    """The picture, (HEIGHT, WIDTH, 3) uint8 BGR."""
    bins = curve.bins()
    end = max([end, *(time for time, _ in curve.episodes), 1.0])
    values = [reward for _, reward in bins + curve.episodes] or [0.0, 1.0]
    y_ticks = ticks(min(values), max(values), 7)
    unit, seconds = time_unit(end)
    x_ticks = [tick for tick in ticks(0.0, end / seconds, 11) if tick >= 0]
    axes = Axes(max(end, x_ticks[-1] * seconds if x_ticks[-1] * seconds <= 1.1 * end else end), y_ticks[0], y_ticks[-1])
    image = np.full((HEIGHT * SHARP, WIDTH * SHARP, 3), 255, np.uint8)
    draw_frame(image, axes, [(tick * seconds, tick) for tick in x_ticks], y_ticks)
    _series(image, axes, curve.episodes, bins, end)
    draw_text(image, title, LEFT, 40, 0.85, INK, thickness=2)
    draw_text(image, f'Robot time ({unit})', (WIDTH + LEFT - RIGHT) / 2, HEIGHT - 26, 0.62, INK, 'middle')
    draw_vertical_text(image, 'Average reward per step', 22, (HEIGHT + TOP - BOTTOM) / 2)
    _legend(image)
    return cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def time_unit(end: float) -> tuple[str, float]:
    """A unit that suits a run of `end` seconds, and its seconds."""
    if end < 180:
        return 's', 1.0
    return ('min', 60.0) if end < 3 * 3600 else ('h', 3600.0)


def _series(
    image: np.ndarray, axes: Axes, episodes: Sequence[tuple[float, float]], bins: Sequence[tuple[float, float]],
    end: float,
) -> None:
    for time, reward in episodes:
        cv2.circle(image, (axes.x(time), axes.y(reward)), 3 * SHARP, EPISODES, -1, cv2.LINE_AA)
    # Each average stands in the middle of its time: five minutes, the last one up to the end.
    ends = [*(start + BIN for start, _ in bins[:-1]), end]
    points = [(axes.x((start + stop) / 2), axes.y(reward)) for (start, reward), stop in zip(bins, ends)]
    if len(points) > 1:
        cv2.polylines(image, [np.array(points, np.int32)], False, BINS, 3 * SHARP, cv2.LINE_AA)
    for point in points:
        cv2.circle(image, point, 7 * SHARP, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(image, point, 5 * SHARP, BINS, -1, cv2.LINE_AA)


def _legend(image: np.ndarray) -> None:
    y = 70
    cv2.line(image, (LEFT * SHARP, (y - 5) * SHARP), ((LEFT + 30) * SHARP, (y - 5) * SHARP), BINS, 3 * SHARP, cv2.LINE_AA)
    cv2.circle(image, ((LEFT + 15) * SHARP, (y - 5) * SHARP), 5 * SHARP, BINS, -1, cv2.LINE_AA)
    end = LEFT + 40 + draw_text(image, 'average of 5 minutes', LEFT + 40, y, 0.55, INK)
    cv2.circle(image, ((end + 32) * SHARP, (y - 5) * SHARP), 4 * SHARP, EPISODES, -1, cv2.LINE_AA)
    draw_text(image, 'one episode', end + 46, y, 0.55, INK)
