"""Camera images as the task wants them: cropped, resized, RGB or gray."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import cv2
import numpy as np

from dreamer_learning.config import ConfigError, nearest
from dreamer_learning.spaces import TensorSpec
from dreamer_node.refusals import Refused

CHANNELS = {'rgb8': 3, 'bgr8': 3, 'mono8': 1}
"""Encodings of sensor_msgs/Image that are understood, and their channels."""


RawBytes = bytes | bytearray | memoryview | array


class ImageReader:
    """Makes images of the task's shape out of raw camera buffers.

    Args:
        spec: uint8 (height, width, channels), one channel for gray, three for RGB.
        crop: left, top, width, height in pixels of the camera; None for the largest centred part with the aspect ratio
            of the task's image.

    Raises:
        ConfigError: a crop without area.
    """

    def __init__(self, spec: TensorSpec, crop: Sequence[int] | None = None) -> None:
        if crop is not None and (min(crop[:2]) < 0 or min(crop[2:]) < 1):
            raise ConfigError(f'camera_crop {list(crop)}: must be left, top >= 0 and width, height >= 1')
        self._height, self._width, self._channels = spec.shape
        self._crop = crop

    def read(self, encoding: str, height: int, width: int, step: int, data: RawBytes) -> np.ndarray:
        """The image, uint8 of the task's shape, in memory of its own.

        Args:
            encoding, height, width, step, data: as in sensor_msgs/Image; step is the bytes of a row.

        Raises:
            Refused: another encoding, or a buffer or size that does not fit.
        """
        source = self._cut(_as_array(encoding, height, width, step, data))
        # INTER_AREA averages all pixels that fall into one: no aliasing when shrinking.
        small = cv2.resize(source, (self._width, self._height), interpolation=cv2.INTER_AREA)
        if encoding == 'mono8':
            result = small if self._channels == 1 else cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)
        elif self._channels == 1:
            result = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY if encoding == 'rgb8' else cv2.COLOR_BGR2GRAY)
        else:
            result = small if encoding == 'rgb8' else cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        image = np.asarray(result, np.uint8).reshape(self._height, self._width, self._channels)
        return image.copy() if np.may_share_memory(image, source) else image

    def _cut(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        if self._crop is None:
            inner_width = min(width, max(1, round(height * self._width / self._height)))
            inner_height = min(height, max(1, round(width * self._height / self._width)))
            left, top = (width - inner_width) // 2, (height - inner_height) // 2
        else:
            left, top, inner_width, inner_height = self._crop
            if left + inner_width > width or top + inner_height > height:
                raise Refused('image_size', f'image is {width}x{height}; camera_crop {list(self._crop)} exceeds it')
        return image[top:top + inner_height, left:left + inner_width]


def _as_array(encoding: str, height: int, width: int, step: int, data: RawBytes) -> np.ndarray:
    """The buffer as (height, width, channels), or (height, width) for one channel, sharing its memory."""
    if encoding not in CHANNELS:
        raise Refused('image_encoding', f"image encoding '{encoding}' is not known; {nearest(encoding, CHANNELS)}")
    channels = CHANNELS[encoding]
    if height < 1 or width < 1:
        raise Refused('image_size', f'image is {width}x{height}; it must have at least one pixel')
    if step < width * channels:
        raise Refused(
            'image_size', f'image step is {step} bytes; {width} pixels of {encoding} need at least {width * channels}'
        )
    raw = np.frombuffer(data, np.uint8)
    if len(raw) != step * height:
        raise Refused('image_size', f'image has {len(raw)} bytes; {height} rows of {step} bytes need {step * height}')
    rows = raw.reshape(height, step)[:, :width * channels]
    return rows.reshape(height, width, channels) if channels > 1 else rows
