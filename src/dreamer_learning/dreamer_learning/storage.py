"""Rows of named arrays in memory that is taken piece by piece as rows are written.

    row     0 ......... 65535 | 65536 ........ 131071 | ...      capacity - 1
    chunk   0                 | 1                     |   not allocated before its first row is written

A gather splits the wanted rows where the chunk changes and copies one run after the other: windows of consecutive rows are a
few runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from dreamer_learning.config import ConfigError

CHUNK_BITS = 16
CHUNK = 1 << CHUNK_BITS
"""Rows of one chunk."""


def available_memory() -> int | None:
    """Bytes that new data can take without swapping: the smaller of the machine's and the control group's (cgroup v2).

    None where the system does not tell.
    """
    found = []
    try:
        for line in Path('/proc/meminfo').read_text(encoding='ascii').splitlines():
            if line.startswith('MemAvailable:'):
                found.append(1024 * int(line.split()[1]))
    except OSError:
        pass
    group = Path('/sys/fs/cgroup')
    try:
        limit, used = ((group / name).read_text(encoding='ascii').strip() for name in ('memory.max', 'memory.current'))
        if limit != 'max':
            found.append(max(0, int(limit) - int(used)))
    except OSError:
        pass
    return min(found) if found else None


class ChunkedRows:
    """Columns of `capacity` rows; rows that were never written read as zero, and must be in a chunk that exists.

    Args:
        capacity: rows.
        columns: name -> shape and type of one row's value.
        setting: name of the user's setting that fixes the capacity, for messages.
    """

    def __init__(self, capacity: int, columns: Mapping[str, tuple[tuple[int, ...], DTypeLike]], setting: str) -> None:
        self.capacity, self._setting = capacity, setting
        self._columns = {name: (shape, np.dtype(dtype)) for name, (shape, dtype) in columns.items()}
        self._chunks: list[dict[str, np.ndarray]] = []

    def row_bytes(self, names: Iterable[str] | None = None) -> int:
        """Bytes of one row; of the named columns only, where names are given."""
        chosen = self._columns if names is None else names
        return sum(int(np.prod(self._columns[name][0], dtype=np.int64)) * self._columns[name][1].itemsize for name in chosen)

    def write(self, row: int, values: Mapping[str, object]) -> None:
        """Write some columns of one row.

        Raises:
            ConfigError: there is no memory for another chunk; nothing is written.
        """
        number, place = row >> CHUNK_BITS, row & (CHUNK - 1)
        while number >= len(self._chunks):
            self._grow()
        chunk = self._chunks[number]
        for name, value in values.items():
            chunk[name][place] = value

    def _grow(self) -> None:
        start = len(self._chunks) * CHUNK
        rows = min(CHUNK, self.capacity - start)
        try:
            chunk = {name: np.zeros((rows, *shape), dtype) for name, (shape, dtype) in self._columns.items()}
        except MemoryError:
            raise ConfigError(
                f'{self._setting} {self.capacity}: no memory for rows {start:,} to {start + rows - 1:,} '
                f'({self.row_bytes():,} bytes each); choose a smaller one'
            ) from None
        self._chunks.append(chunk)

    def read(self, names: Iterable[str], rows: np.ndarray) -> dict[str, np.ndarray]:
        """Copies of some columns: name -> (*rows.shape, ...)."""
        flat = rows.reshape(-1)
        runs = self._runs(flat)
        result = {}
        for name in names:
            shape, dtype = self._columns[name]
            values = np.empty((len(flat), *shape), dtype)
            for chunk, place, run in runs:
                chunk[name].take(place, 0, values[run], 'clip')  # the other modes copy twice
            result[name] = values.reshape(*rows.shape, *shape)
        return result

    def replace(self, rows: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        """Overwrite some columns of rows (N) that exist: name -> (N, ...)."""
        for chunk, place, run in self._runs(rows):
            for name, value in values.items():
                chunk[name][place] = value[run]

    def _runs(self, rows: np.ndarray) -> list[tuple[dict[str, np.ndarray], np.ndarray, slice]]:
        """Rows (N) split where the chunk changes: the chunk, places in it, and which of the rows."""
        numbers, places = rows >> CHUNK_BITS, rows & (CHUNK - 1)
        edges = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
        bounds = [0, *edges.tolist(), len(rows)] if len(rows) else [0]
        return [(self._chunks[numbers[a]], places[a:b], slice(a, b)) for a, b in zip(bounds, bounds[1:])]
