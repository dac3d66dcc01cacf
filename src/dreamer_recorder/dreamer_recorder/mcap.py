"""Writes MCAP files that are whole on disk after every write.

Every write appends one chunk of messages and its indexes with a single system call, so a killed process leaves a file
that is readable up to its last write. `finish` adds the summary that makes it a regular file.
Source of the format: https://mcap.dev/spec.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

MAGIC = b'\x89MCAP0\r\n'
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX = range(1, 9)
STATISTICS, METADATA, METADATA_INDEX, SUMMARY_OFFSET, DATA_END = 0x0B, 0x0C, 0x0D, 0x0E, 0x0F

RECORD = struct.Struct('<BQ')
MESSAGE_HEAD = struct.Struct('<HIQQ')
CHUNK_HEAD = struct.Struct('<QQQI')


@dataclasses.dataclass(frozen=True)
class Topic:
    """A recorded topic.

    Attributes:
        name: resolved name, with namespace.
        type: for example dreamer_interfaces/msg/Observation.
        definition: the .msg text with the texts of all types it uses.
        type_hash: RIHS01 hash of the type, or ''.
        qos: offered QoS profiles as YAML in the form of rosbag2 metadata version 9, or ''.
    """

    name: str
    type: str
    definition: str
    type_hash: str = ''
    qos: str = ''


class Message(NamedTuple):
    """One recorded message: time of reception in nanoseconds, and the bytes as they came (CDR)."""

    topic: Topic
    time: int
    data: bytes


@dataclasses.dataclass
class FileSummary:
    """What a file holds: time of the first and last message in nanoseconds, and messages per topic."""

    name: str
    start: int = 0
    end: int = 0
    counts: dict[Topic, int] = dataclasses.field(default_factory=dict)

    @property
    def messages(self) -> int:
        return sum(self.counts.values())

    def add(self, messages: Sequence[Message]) -> None:
        """Count these messages too."""
        if messages:
            times = [message.time for message in messages]
            self.start = min([self.start, *times]) if self.messages else min(times)
            self.end = max([self.end, *times])
        for message in messages:
            self.counts[message.topic] = self.counts.get(message.topic, 0) + 1


def record(code: int, content: bytes) -> bytes:
    """One MCAP record."""
    return RECORD.pack(code, len(content)) + content


def text(value: str) -> bytes:
    """A string or byte map as MCAP stores it: length, then bytes."""
    data = value.encode()
    return struct.pack('<I', len(data)) + data


def text_map(values: dict[str, str]) -> bytes:
    """A map of strings."""
    data = b''.join(text(key) + text(value) for key, value in values.items())
    return struct.pack('<I', len(data)) + data


@dataclasses.dataclass
class _Chunk:
    start: int
    end: int
    offset: int
    length: int
    index_offsets: dict[int, int]
    index_length: int
    size: int

    def index_record(self) -> bytes:
        offsets = b''.join(struct.pack('<HQ', channel, offset) for channel, offset in self.index_offsets.items())
        return record(
            CHUNK_INDEX,
            struct.pack('<QQQQI', self.start, self.end, self.offset, self.length, len(offsets))
            + offsets
            + struct.pack('<Q', self.index_length)
            + text('')
            + struct.pack('<QQ', self.size, self.size),
        )


class McapWriter:
    """Appends chunks of messages to a new MCAP file.

    Raises:
        OSError: the file cannot be made; from `write` and `finish`: what was written in this call is taken back, and the
            file stays as it was before it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.summary = FileSummary(path.name)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._size = 0
        self._channels: dict[Topic, int] = {}
        self._chunks: list[_Chunk] = []

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._size

    def write(self, messages: Sequence[Message]) -> None:
        """Append these messages as one chunk and wait until they are on disk."""
        channels = dict(self._channels)
        head = b'' if self._size else MAGIC + record(HEADER, text('ros2') + text('dreamer_recorder'))
        for message in messages:
            if message.topic not in channels:
                channels[message.topic] = len(channels) + 1
                head += self._schema(message.topic, channels) + self._channel(message.topic, channels)
        chunk, data = self._pack(messages, channels, self._size + len(head))
        self._append(head + data)
        self._channels = channels
        self._chunks.append(chunk)
        self.summary.add(messages)

    def finish(self, describe: Callable[[FileSummary], str]) -> FileSummary:
        """Write summary and footer, and close the file.

        Args:
            describe: makes the bag's metadata text, which rosbag2 also keeps inside the file.
        """
        metadata = record(METADATA, text('rosbag2') + text_map({'serialized_metadata': describe(self.summary)}))
        data_end = record(DATA_END, struct.pack('<I', 0))
        start = self._size + len(metadata) + len(data_end)
        groups = [
            (SCHEMA, b''.join(self._schema(topic, self._channels) for topic in self._channels)),
            (CHANNEL, b''.join(self._channel(topic, self._channels) for topic in self._channels)),
            (CHUNK_INDEX, b''.join(chunk.index_record() for chunk in self._chunks)),
            (METADATA_INDEX, record(METADATA_INDEX, struct.pack('<QQ', self._size, len(metadata)) + text('rosbag2'))),
            (STATISTICS, self._statistics()),
        ]
        summary, offsets = b'', b''
        for code, content in groups:
            if content:
                offsets += record(SUMMARY_OFFSET, struct.pack('<BQQ', code, start + len(summary), len(content)))
                summary += content
        footer = record(FOOTER, struct.pack('<QQI', start, start + len(summary), 0))
        self._append(metadata + data_end + summary + offsets + footer + MAGIC)
        self.close()
        return self.summary

    def close(self) -> None:
        """Close the file as it is."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view):]
            os.fsync(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
                os.lseek(self._file, self._size, os.SEEK_SET)
            raise
        self._size += len(data)

    def _pack(self, messages: Sequence[Message], channels: dict[Topic, int], at: int) -> tuple[_Chunk, bytes]:
        parts: list[bytes] = []
        indexes: dict[int, list[bytes]] = {}
        size = 0
        for message in messages:
            channel = channels[message.topic]
            content = MESSAGE_HEAD.pack(channel, 0, message.time, message.time) + message.data
            indexes.setdefault(channel, []).append(struct.pack('<QQ', message.time, size))
            parts += (RECORD.pack(MESSAGE, len(content)), content)
            size += RECORD.size + len(content)
        body = b''.join(parts)
        start, end = min(message.time for message in messages), max(message.time for message in messages)
        head = CHUNK_HEAD.pack(start, end, size, zlib.crc32(body)) + text('') + struct.pack('<Q', size)
        data = record(CHUNK, head + body)
        chunk = _Chunk(start, end, at, len(data), {}, 0, size)
        for channel, entries in indexes.items():
            chunk.index_offsets[channel] = at + len(data)
            joined = b''.join(entries)
            data += record(MESSAGE_INDEX, struct.pack('<HI', channel, len(joined)) + joined)
        chunk.index_length = len(data) - chunk.length
        return chunk, data

    @staticmethod
    def _schema(topic: Topic, channels: dict[Topic, int]) -> bytes:
        # One schema per channel: two topics of one type repeat it, which readers allow.
        content = struct.pack('<H', channels[topic]) + text(topic.type) + text('ros2msg') + text(topic.definition)
        return record(SCHEMA, content)

    @staticmethod
    def _channel(topic: Topic, channels: dict[Topic, int]) -> bytes:
        number = channels[topic]
        metadata = text_map({'offered_qos_profiles': topic.qos, 'topic_type_hash': topic.type_hash})
        return record(CHANNEL, struct.pack('<HH', number, number) + text(topic.name) + text('cdr') + metadata)

    def _statistics(self) -> bytes:
        counts = b''.join(
            struct.pack('<HQ', self._channels[topic], count) for topic, count in self.summary.counts.items()
        )
        number = len(self._channels)
        head = struct.pack('<QHIIIIQQ', self.summary.messages, number, number, 0, 1, len(self._chunks),
                           self.summary.start, self.summary.end)
        return record(STATISTICS, head + struct.pack('<I', len(counts)) + counts)
