"""Reads MCAP files as far as they are whole: finished ones, cut ones, and ones that are being written."""

from __future__ import annotations

import dataclasses
import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dreamer_recorder.mcap import (
    CHANNEL,
    CHUNK,
    CHUNK_HEAD,
    FOOTER,
    MAGIC,
    MESSAGE,
    MESSAGE_HEAD,
    RECORD,
    SCHEMA,
    Message,
    Topic,
)


@dataclasses.dataclass
class Scan:
    """One pass over a file.

    Attributes:
        finished: footer and closing magic were there.
        damage: what was wrong, '' when nothing was, apart from a missing end.
    """

    path: Path
    finished: bool = False
    damage: str = ''
    _schemas: dict[int, tuple[str, str]] = dataclasses.field(default_factory=dict)
    _channels: dict[int, Topic] = dataclasses.field(default_factory=dict)

    def chunks(self) -> Iterator[list[Message]]:
        """The messages chunk by chunk, in the order of the file.

        Of a chunk that is cut short the whole messages are returned. A chunk with a wrong checksum is left out. A record whose
        length cannot be true looks as if it was cut short, and nothing behind it can be found.
        """
        with self.path.open('rb') as file:
            magic = file.read(len(MAGIC))
            if magic != MAGIC:
                # A recorder that was killed before its first write leaves nothing, or a part of it.
                self.damage = '' if MAGIC.startswith(magic) else 'not an MCAP file'
                return
            while head := file.read(RECORD.size):
                if len(head) < RECORD.size:
                    return
                code, length = RECORD.unpack(head)
                if code == 0:
                    self.damage = f'zeros at byte {file.tell() - len(head)}'
                    return
                # Looked at each time: the file may be growing.
                left = os.fstat(file.fileno()).st_size - file.tell()
                whole = length <= left
                if not whole:
                    self.damage = f'record of {length} bytes at byte {file.tell()} reaches behind the end'
                elif code == FOOTER:
                    self.finished = file.read(length + len(MAGIC))[length:] == MAGIC
                    return
                messages = self._record(code, min(length, left), whole, file)
                if messages:
                    yield messages
                if not whole:
                    return

    def _record(self, code: int, length: int, whole: bool, file: BinaryIO) -> list[Message]:
        start = file.tell()
        if code not in (SCHEMA, CHANNEL, MESSAGE, CHUNK):
            file.seek(length, 1)
            return []
        content = file.read(length)
        try:
            if code == CHUNK:
                return self._chunk(content, whole, start)
            return self._entry(code, content) if whole else []
        except (struct.error, UnicodeDecodeError, KeyError):
            self.damage = f'unreadable record at byte {start}'
            return []

    def _chunk(self, content: bytes, whole: bool, start: int) -> list[Message]:
        if len(content) < CHUNK_HEAD.size + 4:
            return []
        *_, size, crc = CHUNK_HEAD.unpack_from(content)
        compression, at = _text(content, CHUNK_HEAD.size)
        if compression:
            self.damage = f"compression '{compression}' at byte {start} is not supported"
            return []
        at += 8
        if whole and crc and (len(content) - at != size or zlib.crc32(memoryview(content)[at:]) != crc):
            self.damage = f'wrong checksum of the chunk at byte {start}'
            return []
        return self._entries(content, at)

    def _entries(self, content: bytes, at: int) -> list[Message]:
        messages: list[Message] = []
        while at + RECORD.size <= len(content):
            code, length = RECORD.unpack_from(content, at)
            at += RECORD.size
            if at + length > len(content):
                break
            messages += self._entry(code, content[at:at + length])
            at += length
        return messages

    def _entry(self, code: int, content: bytes) -> list[Message]:
        if code == MESSAGE:
            channel, _, time, _ = MESSAGE_HEAD.unpack_from(content)
            return [Message(self._channels[channel], time, content[MESSAGE_HEAD.size:])]
        if code == SCHEMA:
            (number,) = struct.unpack_from('<H', content)
            name, at = _text(content, 2)
            _, at = _text(content, at)
            self._schemas[number] = (name, _text(content, at)[0])
        elif code == CHANNEL:
            number, schema = struct.unpack_from('<HH', content)
            name, at = _text(content, 4)
            _, at = _text(content, at)
            metadata = _text_map(content, at)
            kind, definition = self._schemas[schema]
            self._channels[number] = Topic(
                name, kind, definition, metadata.get('topic_type_hash', ''), metadata.get('offered_qos_profiles', '')
            )
        return []


def files_in_order(bags_dir: Path) -> list[Path]:
    """The MCAP files of all bag folders, oldest first: numbers in names count as numbers."""
    found = [path for path in Path(bags_dir).rglob('*.mcap') if path.is_file()]
    return sorted(found, key=lambda path: natural(str(path.relative_to(bags_dir))))


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts bag_2 before bag_10."""
    return [(int(part), '') if part.isdigit() else (-1, part) for part in re.split(r'(\d+)', name)]


def is_finished(path: Path) -> bool:
    """Whether the file ends as a regular MCAP file does."""
    with path.open('rb') as file:
        size = file.seek(0, 2)
        if size < 3 * len(MAGIC):
            return False
        file.seek(-len(MAGIC), 2)
        return file.read() == MAGIC


def _text(content: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from('<I', content, at)
    end = at + 4 + length
    if end > len(content):
        raise struct.error
    return content[at + 4:end].decode(), end


def _text_map(content: bytes, at: int) -> dict[str, str]:
    (length,) = struct.unpack_from('<I', content, at)
    at, end = at + 4, at + 4 + length
    values = {}
    while at < end:
        key, at = _text(content, at)
        values[key], at = _text(content, at)
    return values
