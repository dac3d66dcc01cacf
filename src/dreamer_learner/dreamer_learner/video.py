"""Draws an open-loop prediction beside the truth: curves for vectors, strips for images."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

CHANNELS = 6
"""Channels of a vector that are drawn: those that vary most."""

WIDTH, ROW, LABEL = 480, 64, 16
"""Pixels: width of the picture of vectors, height of one curve, height of a line of text."""

FRAMES = 12
"""Images of a sequence that are shown."""

TRUTH, MODEL, GRID, TEXT = (235, 235, 235), (255, 150, 40), (90, 90, 90), (200, 200, 200)


def render(report: Mapping[str, np.ndarray]) -> np.ndarray:
    """The first sequence of a report.

    Args:
        report: '<name>/truth' and '<name>/model', each (N, T, ...), images uint8 (N, T, height, width, channels), and
            'context', the number of steps in which the model saw the truth. As Agent.report returns.

    Returns:
        RGB (height, width, 3) uint8: the truth in white, the prediction in orange, a vertical line where the model has to
        go on alone; for images a row of the truth, one of the prediction, one of the absolute difference.
    """
    context = int(report['context'])
    panels = []
    for key in report:
        if not key.endswith('/truth'):
            continue
        name = key.removesuffix('/truth')
        truth, model = report[key][0], report[f'{name}/model'][0]
        panel = _strip(truth, model, context) if truth.dtype == np.uint8 else _curves(truth, model, context)
        panels += [_label(name, panel.shape[1]), panel]
    width = max(panel.shape[1] for panel in panels)
    return np.concatenate([np.pad(panel, ((0, 0), (0, width - panel.shape[1]), (0, 0))) for panel in panels])


def _curves(truth: np.ndarray, model: np.ndarray, context: int) -> np.ndarray:
    """truth and model (T, ...) -> one row for each of the channels that vary most, in their order."""
    truth, model = (values.reshape(len(values), -1).astype(np.float64) for values in (truth, model))
    chosen = np.sort(np.argsort(-truth.std(0), kind='stable')[:CHANNELS])
    return np.concatenate([_curve(truth[:, index], model[:, index], context, int(index)) for index in chosen])


def _curve(truth: np.ndarray, model: np.ndarray, context: int, index: int) -> np.ndarray:
    row = np.zeros((ROW, WIDTH, 3), np.uint8)
    both = np.nan_to_num(np.stack([truth, model]))
    low, high = both[0].min(), both[0].max()
    margin = max(0.25 * (high - low), 1e-3)
    low, high = low - margin, high + margin
    across = np.linspace(0, WIDTH - 1, both.shape[1])
    border = int((across[context - 1] + across[min(context, len(across) - 1)]) / 2)
    cv2.line(row, (border, 0), (border, ROW - 1), GRID, 1)
    cv2.line(row, (0, ROW - 1), (WIDTH - 1, ROW - 1), GRID, 1)
    for values, colour in zip(both, (TRUTH, MODEL)):
        down = (ROW - 1) * (high - np.clip(values, low, high)) / (high - low)
        points = np.stack([across, down], -1).round().astype(np.int32)
        cv2.polylines(row, [points.reshape(-1, 1, 2)], False, colour, 1)
    cv2.putText(row, str(index), (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.35, TEXT, 1, cv2.LINE_AA)
    return row


def _strip(truth: np.ndarray, model: np.ndarray, context: int) -> np.ndarray:
    """truth and model (T, height, width, channels) uint8 -> three rows of frames."""
    shown = np.unique(np.linspace(0, len(truth) - 1, FRAMES).round().astype(int))
    error = np.abs(truth.astype(np.int16) - model.astype(np.int16)).astype(np.uint8)
    rows = [np.concatenate([_rgb(frames[index]) for index in shown], 1) for frames in (truth, model, error)]
    strip = np.concatenate(rows)
    border = int((shown < context).sum()) * truth.shape[2]
    strip[:, max(border - 1, 0) : border + 1] = MODEL
    return strip


def _rgb(image: np.ndarray) -> np.ndarray:
    """(height, width, channels) -> three channels; the last one of a stack of gray frames."""
    return image if image.shape[-1] == 3 else np.repeat(image[..., -1:], 3, -1)


def _label(text: str, width: int) -> np.ndarray:
    row = np.zeros((LABEL, width, 3), np.uint8)
    cv2.putText(row, text, (3, LABEL - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.4, TEXT, 1, cv2.LINE_AA)
    return row
