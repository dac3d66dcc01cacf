import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message

from dreamer_interfaces.msg import Observation, Tensor
from dreamer_node import wire


@pytest.mark.parametrize('array', [
    np.arange(6, dtype=np.float32).reshape(1, 2, 3),
    np.array([True, False]),
    np.arange(12, dtype=np.uint8).reshape(3, 4)[:, ::2],
    np.array([[1.5]], np.float16),
    np.zeros((2, 0), np.int64),
])
def test_tensor_survives_the_wire(array: np.ndarray) -> None:
    message = deserialize_message(serialize_message(wire.pack('x', array)), Tensor)
    result = wire.unpack(message)
    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, array)


def test_unknown_dtype_is_named() -> None:
    with pytest.raises(wire.WireError, match="tensor 'x': dtype float64"):
        wire.pack('x', np.zeros(3))
    with pytest.raises(wire.WireError, match="dtype 'object'"):
        wire.unpack(Tensor(name='x', dtype='object', shape=[1], data=b'1234'))


def test_short_data_is_refused() -> None:
    with pytest.raises(wire.WireError, match=r'7 bytes, but \[2\] needs 8'):
        wire.unpack(Tensor(name='x', dtype='float32', shape=[2], data=bytes(7)))


@pytest.mark.parametrize(('shape', 'data'), [([1] * 65, bytes(4)), ([2**32 - 1] * 3 + [0], b'')])
def test_a_shape_that_no_array_has_is_refused(shape: list[int], data: bytes) -> None:
    with pytest.raises(wire.WireError, match="tensor 'x': "):
        wire.unpack(Tensor(name='x', dtype='float32', shape=shape, data=data))


def observation(environments: int = 2) -> Observation:
    flags = [False] * environments
    message = Observation(stream=7, step=3, reward=[0.5] * environments, is_first=flags, is_last=flags, is_terminal=flags)
    message.header.stamp.sec, message.header.stamp.nanosec = 12, 250_000_000
    message.tensors = wire.pack_tensors({'vector': np.ones((environments, 4), np.float32)})
    return message


def test_observation_becomes_arrays() -> None:
    step = wire.unpack_observation(observation())
    assert (step.stream, step.step, step.stamp) == (7, 3, 12.25)
    assert step.tensors['vector'].shape == (2, 4)
    assert step.reward.dtype == np.float32
    assert step.is_first.dtype == bool


@pytest.mark.parametrize('field', ['is_first', 'is_last', 'is_terminal'])
def test_flags_of_another_length_are_refused(field: str) -> None:
    message = observation()
    setattr(message, field, [False])
    with pytest.raises(wire.WireError, match=f"'{field}' has 1 environments, reward has 2"):
        wire.unpack_observation(message)


def test_stamps_are_exact_in_nanoseconds() -> None:
    assert wire.nanoseconds(observation().header) == 12_250_000_000
