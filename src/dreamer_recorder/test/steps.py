"""Messages for the tests: steps whose content follows from their number."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import cast

import numpy as np
from rclpy.serialization import serialize_message

from dreamer_interfaces.msg import Action, Observation
from dreamer_node.wire import pack, pack_tensors
from dreamer_recorder.definitions import message_definition, type_hash
from dreamer_recorder.mcap import Message, Topic
from dreamer_recorder.metadata import qos_yaml
from dreamer_recorder.reader import ACTION, OBSERVATION

STREAM = 2**63 + 5
QOS = qos_yaml('keep_last', 50, 'reliable', 'transient_local')


@functools.cache
def topic(kind: str, namespace: str = '/robot_1') -> Topic:
    """The observation or action topic of a robot."""
    name = 'observation' if kind == OBSERVATION else 'action'
    return Topic(f'{namespace}/{name}', kind, message_definition(kind), type_hash(kind), QOS)


def observation(step: int, stream: int = STREAM, length: int = 10) -> Observation:
    """Step `step` of episodes of `length` steps, 20 a second, in one environment."""
    message = Observation(stream=stream, step=step, reward=[0.0 if step % length == 0 else float(step)])
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(step * 50_000_000, 1_000_000_000)
    message.header.frame_id = 'base' * (step % 3)
    message.tensors = pack_tensors({
        'joints': np.full((1, 4), step, np.float32), 'image': np.full((1, 2, 3, 3), step % 256, np.uint8),
    })
    message.is_first, message.is_last = [step % length == 0], [step % length == length - 1]
    message.is_terminal = [False]
    return message


def action(step: int, stream: int = STREAM) -> Action:
    """The action that answers step `step`."""
    message = Action(stream=stream, step=step, weights_version=step // 5)
    message.action = pack('action', np.full((1, 2), -step, np.float32))
    message.latent = pack_tensors({'deter': np.full((1, 3), step, np.float16)})
    return message


def messages(first: int, last: int, stream: int = STREAM) -> list[Message]:
    """Observations and actions of steps first .. last - 1, received 1 ms apart."""
    return [_message(kind, step, stream) for step in range(first, last) for kind in (OBSERVATION, ACTION)]


@functools.cache
def _message(kind: str, step: int, stream: int) -> Message:
    # Kept, because serialising twice may fill the padding differently.
    content = observation(step, stream) if kind == OBSERVATION else action(step, stream)
    return Message(topic(kind), 10**18 + step * 1_000_000, serialize_message(content))


def stock_read(folder: Path) -> list[tuple[str, str, int]]:
    """(topic, type, step) of each message of a bag folder, as a reader that is not ours sees them."""
    try:
        from rosbags.highlevel import AnyReader
    except ImportError:
        return _rosbag2_read(folder)
    with AnyReader([folder]) as reader:
        return [
            (connection.topic, connection.msgtype, cast(Observation, reader.deserialize(data, connection.msgtype)).step)
            for connection, _, data in reader.messages()
        ]


def _rosbag2_read(folder: Path) -> list[tuple[str, str, int]]:
    import rosbag2_py
    from rclpy.serialization import deserialize_message
    from rosidl_runtime_py.utilities import get_message

    reader = rosbag2_py.SequentialReader()
    reader.open(rosbag2_py.StorageOptions(uri=str(folder), storage_id='mcap'), rosbag2_py.ConverterOptions('', ''))
    types = {item.name: item.type for item in reader.get_all_topics_and_types()}
    found = []
    while reader.has_next():
        name, data, _ = reader.read_next()
        found.append((name, types[name], deserialize_message(data, get_message(types[name])).step))
    return found
