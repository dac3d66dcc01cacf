"""TensorBoard files, without torch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np


class Events:
    """Writes numbers and images to TensorBoard files.

    Raises:
        ImportError: the package tensorboard is not installed.
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event, self._summary = Event, Summary
        self._writer = EventFileWriter(str(folder), flush_secs=10)

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """Numbers by tag, at an environment step."""
        summary = self._summary(value=[self._summary.Value(tag=tag, simple_value=v) for tag, v in values.items()])
        self._add(summary, step)

    def image(self, tag: str, image: np.ndarray, step: int) -> None:
        """An RGB image (height, width, 3) uint8."""
        _, data = cv2.imencode('.png', cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        height, width, _ = image.shape
        picture = self._summary.Image(
            height=height, width=width, colorspace=3, encoded_image_string=data.tobytes()
        )
        self._add(self._summary(value=[self._summary.Value(tag=tag, image=picture)]), step)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()

    def _add(self, summary: object, step: int) -> None:
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=summary))
