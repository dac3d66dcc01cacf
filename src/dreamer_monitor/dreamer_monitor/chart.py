"""Charts drawn with OpenCV: axes, grid and lettering."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np

WIDTH, HEIGHT = 1280, 800
SHARP = 2
"""Drawn this many times larger, then reduced: smooth lines and letters."""

LEFT, RIGHT, TOP, BOTTOM = 100, 40, 96, 88
# Blue, green, red.
INK, PALE, GRID = (51, 41, 37), (128, 114, 107), (235, 231, 229)
FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclasses.dataclass(frozen=True)
class Axes:
    """Maps data to pixels of the large image: x from 0 to x_end, y from y_low to y_high."""

    x_end: float
    y_low: float
    y_high: float

    def x(self, value: float) -> int:
        return round((LEFT + (WIDTH - LEFT - RIGHT) * value / self.x_end) * SHARP)

    def y(self, value: float) -> int:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return round((HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share) * SHARP)


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


def label(value: float, all_ticks: Sequence[float]) -> str:
    """A tick's number with the decimals that tell the ticks apart."""
    step = min((abs(b - a) for a, b in zip(all_ticks, all_ticks[1:])), default=1.0)
    decimals = next((digits for digits in range(6) if abs(step - round(step, digits)) < 1e-9 * max(step, 1e-9)), 6)
    text = f'{value:.{decimals}f}'
    return text[1:] if text.startswith('-') and not float(text) else text


def draw_frame(image: np.ndarray, axes: Axes, x_ticks: Sequence[tuple[float, float]], y_ticks: Sequence[float]) -> None:
    """Grid, axes and numbers.

    Args:
        image: (HEIGHT * SHARP, WIDTH * SHARP, 3) uint8 BGR, drawn on.
        x_ticks: (where, in data; the number shown), from left to right.
        y_ticks: in data.
    """
    left, right = axes.x(0.0), axes.x(axes.x_end)
    bottom, top = axes.y(axes.y_low), axes.y(axes.y_high)
    for value in y_ticks:
        cv2.line(image, (left, axes.y(value)), (right, axes.y(value)), GRID, SHARP, cv2.LINE_AA)
        draw_text(image, label(value, y_ticks), LEFT - 12, axes.y(value) / SHARP + 6, 0.55, PALE, 'end')
    for position, value in x_ticks:
        if position <= axes.x_end * 1.001:
            x = axes.x(position)
            cv2.line(image, (x, bottom), (x, top), GRID, SHARP, cv2.LINE_AA)
            cv2.line(image, (x, bottom), (x, bottom + 6 * SHARP), PALE, SHARP, cv2.LINE_AA)
            draw_text(image, label(value, [tick for _, tick in x_ticks]), x / SHARP, HEIGHT - BOTTOM + 26, 0.55, PALE, 'middle')
    cv2.line(image, (left, bottom), (right, bottom), PALE, SHARP, cv2.LINE_AA)
    cv2.line(image, (left, bottom), (left, top), PALE, SHARP, cv2.LINE_AA)


def draw_text(
    image: np.ndarray, text: str, x: float, y: float, size: float, color: tuple[int, int, int], anchor: str = 'start',
    thickness: int = 1,
) -> int:
    """Draw text with its base line at y; returns its width in pixels of the final image."""
    scale, weight = size * SHARP, max(1, round(thickness * SHARP * 0.75))
    (width, _), _ = cv2.getTextSize(text, FONT, scale, weight)
    shift = {'start': 0.0, 'middle': width / 2, 'end': float(width)}[anchor]
    cv2.putText(image, text, (round(x * SHARP - shift), round(y * SHARP)), FONT, scale, color, weight, cv2.LINE_AA)
    return int(width / SHARP)


def draw_vertical_text(image: np.ndarray, text: str, x: int, y: float) -> None:
    """Text that reads upwards, with its middle at y."""
    (width, height), base = cv2.getTextSize(text, FONT, 0.62 * SHARP, SHARP)
    strip = np.full((height + base + 8, width + 8, 3), 255, np.uint8)
    cv2.putText(strip, text, (4, height + 4), FONT, 0.62 * SHARP, INK, max(1, round(0.75 * SHARP)), cv2.LINE_AA)
    turned = cv2.rotate(strip, cv2.ROTATE_90_COUNTERCLOCKWISE)
    top, left = round(y * SHARP - turned.shape[0] / 2), x * SHARP
    image[top:top + turned.shape[0], left:left + turned.shape[1]] = turned
