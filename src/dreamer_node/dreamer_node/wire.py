"""The one place where messages become arrays and arrays become messages."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from dreamer_interfaces.msg import Action, Observation, Tensor

DTYPES = {name: np.dtype(name).newbyteorder('<') for name in ('float32', 'float16', 'uint8', 'int32', 'int64', 'bool')}


class WireError(ValueError):
    """A message whose content contradicts itself. The text names the tensor and what is wrong."""


@dataclasses.dataclass
class Step:
    """An Observation message as arrays; E environments.

    Attributes:
        stamp: seconds.
        tensors: name -> (E, ...).
        reward, is_first, is_last, is_terminal: (E,).
    """

    stream: int
    step: int
    stamp: float
    tensors: dict[str, np.ndarray]
    reward: np.ndarray
    is_first: np.ndarray
    is_last: np.ndarray
    is_terminal: np.ndarray


@dataclasses.dataclass
class CompleteStep(Step):
    """An observation and the action that answered it, as they came in or as they were recorded.

    Attributes:
        action: (E, A) float32 or (E,) int32; None where none was recorded.
        latent: name -> (E, ...); empty where the actor published none.
        source: where its observation was recorded; '' = it came live.
    """

    action: np.ndarray | None
    latent: dict[str, np.ndarray]
    source: str = dataclasses.field(default='', kw_only=True)


def pack(name: str, array: np.ndarray) -> Tensor:
    """An array as a Tensor message.

    Raises:
        WireError: a dtype that the message does not know.
    """
    kind = array.dtype.name
    if kind not in DTYPES:
        raise WireError(f"tensor '{name}': dtype {kind} is not one of {', '.join(DTYPES)}")
    message = Tensor(name=name, dtype=kind, shape=list(array.shape))
    message.data = np.ascontiguousarray(array, DTYPES[kind]).tobytes()
    return message


def unpack(message: Tensor) -> np.ndarray:
    """A Tensor message as a read-only array that shares its memory.

    Raises:
        WireError: unknown dtype, a shape that no array has, or the bytes do not fill it.
    """
    dtype = DTYPES.get(message.dtype)
    if dtype is None:
        raise WireError(f"tensor '{message.name}': dtype '{message.dtype}' is not one of {', '.join(DTYPES)}")
    shape = tuple(int(size) for size in message.shape)
    expected = math.prod(shape) * dtype.itemsize
    if len(message.data) != expected:
        raise WireError(f"tensor '{message.name}': {len(message.data)} bytes, but {list(shape)} needs {expected}")
    try:
        return np.frombuffer(message.data, dtype).reshape(shape)
    except ValueError as error:
        raise WireError(f"tensor '{message.name}': {len(shape)} dimensions: {error}") from None


def seconds(header: object) -> float:
    """The stamp of a std_msgs/Header in seconds."""
    stamp = header.stamp  # type: ignore[attr-defined]
    return float(stamp.sec + stamp.nanosec * 1e-9)


def nanoseconds(header: object) -> int:
    """The stamp of a std_msgs/Header in nanoseconds, exact."""
    stamp = header.stamp  # type: ignore[attr-defined]
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def pack_tensors(arrays: Mapping[str, np.ndarray]) -> list[Tensor]:
    """Arrays as Tensor messages, in the order of the mapping."""
    return [pack(name, array) for name, array in arrays.items()]


def unpack_observation(message: Observation) -> Step:
    """An Observation message as arrays.

    Raises:
        WireError: a tensor that contradicts itself, or flags and tensors of different numbers of environments.
    """
    tensors = {tensor.name: unpack(tensor) for tensor in message.tensors}
    step = Step(
        stream=message.stream,
        step=message.step,
        stamp=seconds(message.header),
        tensors=tensors,
        reward=np.array(message.reward, np.float32),
        is_first=np.array(message.is_first, bool),
        is_last=np.array(message.is_last, bool),
        is_terminal=np.array(message.is_terminal, bool),
    )
    count = len(step.reward)
    lengths = {'is_first': len(step.is_first), 'is_last': len(step.is_last), 'is_terminal': len(step.is_terminal)}
    lengths |= {name: tensor.shape[0] if tensor.ndim else 0 for name, tensor in tensors.items()}
    for name, length in lengths.items():
        if length != count:
            raise WireError(f"observation step {message.step}: '{name}' has {length} environments, reward has {count}")
    return step


def unpack_action(message: Action) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The action (E, A) or (E,), and the latent tensors by name.

    Raises:
        WireError: a tensor that contradicts itself.
    """
    return unpack(message.action), {tensor.name: unpack(tensor) for tensor in message.latent}
