"""Camera buffers to the task's images."""

from __future__ import annotations

import array

import numpy as np
import pytest

from dreamer_learning.config import ConfigError
from dreamer_learning.spaces import TensorSpec
from dreamer_node.refusals import Refused
from dreamer_sensing.images import ImageReader

RGB = TensorSpec((2, 2, 3), 'uint8')
GRAY = TensorSpec((2, 2, 1), 'uint8')


def read(spec: TensorSpec, image: np.ndarray, encoding: str, crop: tuple[int, ...] | None = None) -> np.ndarray:
    height, width = image.shape[:2]
    return ImageReader(spec, crop).read(encoding, height, width, image[0].size, image.tobytes())


def test_shrinking_averages_areas() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[:2, :2] = [[[10, 0, 0], [20, 0, 0]], [[30, 0, 0], [40, 0, 0]]]
    image[2:, 2:] = [0, 100, 200]
    result = read(RGB, image, 'rgb8')
    assert result.dtype == np.uint8
    assert result.tolist() == [[[25, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 100, 200]]]


def test_bgr_becomes_rgb() -> None:
    image = np.full((2, 2, 3), [1, 2, 3], np.uint8)
    assert read(RGB, image, 'bgr8')[0, 0].tolist() == [3, 2, 1]


def test_gray() -> None:
    image = np.array([[0, 50], [100, 150]], np.uint8)
    assert read(GRAY, image, 'mono8')[..., 0].tolist() == image.tolist()
    assert read(RGB, image, 'mono8')[1, 0].tolist() == [100, 100, 100]
    # ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B.
    assert read(GRAY, np.full((2, 2, 3), [100, 0, 0], np.uint8), 'rgb8')[0, 0, 0] == 30
    assert read(GRAY, np.full((2, 2, 3), [100, 0, 0], np.uint8), 'bgr8')[0, 0, 0] == 11


def test_wide_and_tall_images_lose_their_sides() -> None:
    columns = np.repeat(np.arange(6, dtype=np.uint8)[None, :, None], 2, 0)
    assert read(GRAY, columns[..., 0], 'mono8')[..., 0].tolist() == [[2, 3], [2, 3]]
    assert read(GRAY, columns[..., 0].T.copy(), 'mono8')[..., 0].tolist() == [[2, 2], [3, 3]]


def test_a_crop_in_pixels() -> None:
    image = np.arange(36, dtype=np.uint8).reshape(6, 6)
    assert read(GRAY, image, 'mono8', crop=(3, 1, 2, 2))[..., 0].tolist() == [[9, 10], [15, 16]]
    with pytest.raises(Refused, match=r'6x6; camera_crop \[5, 0, 2, 2\] exceeds it') as caught:
        read(GRAY, image, 'mono8', crop=(5, 0, 2, 2))
    assert caught.value.cause == 'image_size'
    with pytest.raises(ConfigError, match='camera_crop'):
        ImageReader(GRAY, (0, 0, 0, 2))


def test_rows_may_be_padded_and_the_buffer_is_not_shared() -> None:
    data = array.array('B', [1, 2, 99, 3, 4, 99])
    result = ImageReader(GRAY).read('mono8', 2, 2, 3, data)
    data[0] = 77
    assert result[..., 0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(('encoding', 'height', 'width', 'step', 'size', 'cause', 'text'), [
    ('rgb9', 2, 2, 6, 12, 'image_encoding', "'rgb9' is not known; did you mean 'rgb8'"),
    ('16UC1', 2, 2, 4, 8, 'image_encoding', 'allowed: bgr8, mono8, rgb8'),
    ('rgb8', 0, 2, 6, 0, 'image_size', 'at least one pixel'),
    ('rgb8', 2, 2, 5, 10, 'image_size', 'step is 5 bytes; 2 pixels of rgb8 need at least 6'),
    ('rgb8', 2, 2, 6, 11, 'image_size', '11 bytes; 2 rows of 6 bytes need 12'),
    ('rgb8', 2, 2, 6, 13, 'image_size', '13 bytes; 2 rows of 6 bytes need 12'),
])
def test_bad_images_are_refused(encoding: str, height: int, width: int, step: int, size: int, cause: str, text: str) -> None:
    with pytest.raises(Refused, match=text) as caught:
        ImageReader(RGB).read(encoding, height, width, step, bytes(size))
    assert caught.value.cause == cause
