import math
from typing import Literal

import pytest
import torch

from dreamer_learning.coders import Vectors
from dreamer_learning.config import ConfigError
from dreamer_learning.spaces import TensorSpec

SPACES = {'pose': TensorSpec((3,), angles=2), 'camera': TensorSpec((8, 8, 1), 'uint8'), 'speed': TensorSpec((2, 2))}


def test_networks_see_angles_as_sine_and_cosine() -> None:
    vectors = Vectors(SPACES)
    assert (vectors.names, vectors.sizes) == (['pose', 'speed'], [5, 4])
    pose, speed = torch.tensor([[math.pi / 6, -math.pi / 2, 7.0]]), torch.arange(4.0).view(1, 2, 2)
    joined = vectors.join({'pose': pose, 'speed': speed})
    torch.testing.assert_close(joined, torch.tensor([[0.5, -1.0, math.sqrt(0.75), 0.0, 7.0, 0.0, 1.0, 2.0, 3.0]]))
    again = vectors.split(joined)
    torch.testing.assert_close(again['pose'], pose)
    assert torch.equal(again['speed'], speed)


def test_an_angle_that_passes_from_pi_to_minus_pi_does_not_move() -> None:
    vectors = Vectors({'roll': TensorSpec((1,), angles=1)})
    before, after = (vectors.join({'roll': torch.tensor([[angle]])}) for angle in (math.pi - 1e-4, -math.pi + 1e-4))
    torch.testing.assert_close(before, after, atol=3e-4, rtol=0)


@pytest.mark.parametrize(('shape', 'dtype', 'angles'), [
    ((3,), 'float32', 4), ((3,), 'float32', -1), ((2, 2), 'float32', 1), ((8, 8, 1), 'uint8', 1)])
def test_what_has_no_such_angles_is_named(shape: tuple[int, ...], dtype: Literal['float32', 'uint8'], angles: int) -> None:
    with pytest.raises(ConfigError, match=f'angles {angles}: of a vector of at least so many numbers'):
        TensorSpec(shape, dtype, angles)
