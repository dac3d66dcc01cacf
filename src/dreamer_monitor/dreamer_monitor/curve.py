"""The learning curve: average reward per five minutes of robot time, and per episode."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from dreamer_learning.atomic import write_file
from dreamer_monitor.accounting import Mean

BIN, SLOT = 300.0, 10.0
"""Seconds of robot time: what one point averages, and how finely rewards are kept."""

WIDTH, HEIGHT = 1280, 800
SHARP = 2
"""Drawn this many times larger, then reduced: smooth lines and letters."""

LEFT, RIGHT, TOP, BOTTOM = 100, 40, 96, 88
INK, PALE, GRID, EPISODES, BINS = (51, 41, 37), (128, 114, 107), (235, 231, 229), (214, 178, 140), (168, 84, 24)
FONT = cv2.FONT_HERSHEY_SIMPLEX


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


@dataclasses.dataclass(frozen=True)
class _Axes:
    """Maps data to pixels of the large image."""

    x_end: float
    y_low: float
    y_high: float

    def x(self, value: float) -> int:
        return round((LEFT + (WIDTH - LEFT - RIGHT) * value / self.x_end) * SHARP)

    def y(self, value: float) -> int:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return round((HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share) * SHARP)


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
    axes = _Axes(max(end, x_ticks[-1] * seconds if x_ticks[-1] * seconds <= 1.1 * end else end), y_ticks[0], y_ticks[-1])
    image = np.full((HEIGHT * SHARP, WIDTH * SHARP, 3), 255, np.uint8)
    _frame(image, axes, [(tick * seconds, tick) for tick in x_ticks], y_ticks)
    _series(image, axes, curve.episodes, bins, end)
    _text(image, title, LEFT, 40, 0.85, INK, thickness=2)
    _text(image, f'Robot time ({unit})', (WIDTH + LEFT - RIGHT) / 2, HEIGHT - 26, 0.62, INK, 'middle')
    _vertical_text(image, 'Average reward per step', 22, (HEIGHT + TOP - BOTTOM) / 2)
    _legend(image)
    return cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers, at most about `count`, that enclose low .. high."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        low, high, span = (low - 0.5, high + 0.5, 1.0) if math.isfinite(low + high) else (0.0, 1.0, 1.0)
    raw = span / max(count - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def time_unit(end: float) -> tuple[str, float]:
    """A unit that suits a run of `end` seconds, and its seconds."""
    if end < 180:
        return 's', 1.0
    return ('min', 60.0) if end < 3 * 3600 else ('h', 3600.0)


def _frame(image: np.ndarray, axes: _Axes, x_ticks: Sequence[tuple[float, float]], y_ticks: Sequence[float]) -> None:
    left, right = axes.x(0.0), axes.x(axes.x_end)
    bottom, top = axes.y(axes.y_low), axes.y(axes.y_high)
    for value in y_ticks:
        cv2.line(image, (left, axes.y(value)), (right, axes.y(value)), GRID, SHARP, cv2.LINE_AA)
        _text(image, label(value, y_ticks), LEFT - 12, axes.y(value) / SHARP + 6, 0.55, PALE, 'end')
    for position, value in x_ticks:
        if position <= axes.x_end * 1.001:
            x = axes.x(position)
            cv2.line(image, (x, bottom), (x, top), GRID, SHARP, cv2.LINE_AA)
            cv2.line(image, (x, bottom), (x, bottom + 6 * SHARP), PALE, SHARP, cv2.LINE_AA)
            _text(image, label(value, [tick for _, tick in x_ticks]), x / SHARP, HEIGHT - BOTTOM + 26, 0.55, PALE, 'middle')
    cv2.line(image, (left, bottom), (right, bottom), PALE, SHARP, cv2.LINE_AA)
    cv2.line(image, (left, bottom), (left, top), PALE, SHARP, cv2.LINE_AA)


def _series(
    image: np.ndarray, axes: _Axes, episodes: Sequence[tuple[float, float]], bins: Sequence[tuple[float, float]],
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
    end = LEFT + 40 + _text(image, 'average of 5 minutes', LEFT + 40, y, 0.55, INK)
    cv2.circle(image, ((end + 32) * SHARP, (y - 5) * SHARP), 4 * SHARP, EPISODES, -1, cv2.LINE_AA)
    _text(image, 'one episode', end + 46, y, 0.55, INK)


def label(value: float, all_ticks: Sequence[float]) -> str:
    """A tick's number with the decimals that tell the ticks apart."""
    step = min((abs(b - a) for a, b in zip(all_ticks, all_ticks[1:])), default=1.0)
    decimals = next((digits for digits in range(6) if abs(step - round(step, digits)) < 1e-9 * max(step, 1e-9)), 6)
    text = f'{value:.{decimals}f}'
    return text[1:] if text.startswith('-') and not float(text) else text


def _text(
    image: np.ndarray, text: str, x: float, y: float, size: float, color: tuple[int, int, int], anchor: str = 'start',
    thickness: int = 1,
) -> int:
    """Draw text with its base line at y; returns its width in pixels of the final image."""
    scale, weight = size * SHARP, max(1, round(thickness * SHARP * 0.75))
    (width, _), _ = cv2.getTextSize(text, FONT, scale, weight)
    shift = {'start': 0.0, 'middle': width / 2, 'end': float(width)}[anchor]
    cv2.putText(image, text, (round(x * SHARP - shift), round(y * SHARP)), FONT, scale, color, weight, cv2.LINE_AA)
    return int(width / SHARP)


def _vertical_text(image: np.ndarray, text: str, x: int, y: float) -> None:
    """Text that reads upwards, with its middle at y."""
    (width, height), base = cv2.getTextSize(text, FONT, 0.62 * SHARP, SHARP)
    strip = np.full((height + base + 8, width + 8, 3), 255, np.uint8)
    cv2.putText(strip, text, (4, height + 4), FONT, 0.62 * SHARP, INK, max(1, round(0.75 * SHARP)), cv2.LINE_AA)
    turned = cv2.rotate(strip, cv2.ROTATE_90_COUNTERCLOCKWISE)
    top, left = round(y * SHARP - turned.shape[0] / 2), x * SHARP
    image[top:top + turned.shape[0], left:left + turned.shape[1]] = turned
