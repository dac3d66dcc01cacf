"""Which step a serialised Observation or Action belongs to, without deserialising it."""

from __future__ import annotations

import struct

StepKey = tuple[int, int]
"""(stream, step)."""


class CdrError(ValueError):
    """Bytes that are not a serialised Observation or Action."""


def step_key(data: bytes) -> StepKey:
    """The (stream, step) of a serialised Observation or Action.

    Both messages begin with `std_msgs/Header header, uint64 stream, uint64 step`. In CDR (OMG DDS-XTypes 1.3, 7.4.3) four
    bytes of encapsulation come first, the second of which is 1 for little endian; alignment counts from after them.

    Raises:
        CdrError: the bytes are too short.
    """
    order = '<' if data[1:2] == b'\x01' else '>'
    try:
        (length,) = struct.unpack_from(f'{order}I', data, 12)
        aligned = -(-(12 + length) // 8) * 8
        stream, step = struct.unpack_from(f'{order}QQ', data, 4 + aligned)
    except struct.error:
        raise CdrError(f'{len(data)} bytes are too few for a header, stream and step') from None
    return stream, step
