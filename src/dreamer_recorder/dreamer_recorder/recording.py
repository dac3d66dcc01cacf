"""Takes messages as they come and brings them to disk once a second, in a thread of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from pathlib import Path

from dreamer_learning.atomic import sync_folder
from dreamer_learning.config import ConfigError
from dreamer_node.storage import making_folders
from dreamer_recorder.cdr import CdrError, StepKey, step_key
from dreamer_recorder.mcap import FileSummary, McapWriter, Message, Topic
from dreamer_recorder.metadata import file_metadata, write_metadata
from dreamer_recorder.reader import OBSERVATION
from dreamer_recorder.repair import repair
from dreamer_recorder.scan import Scan, files_in_order, natural

REMEMBERED = 4096
"""Steps of a topic that are recognised when they come again; a restarted recorder gets the last 50 again."""

CHUNK_BYTES = 4 << 20
KEPT_BYTES = 64 << 20
"""Messages kept in memory while the disk is full; then the oldest are lost."""


@dataclasses.dataclass
class Status:
    """What the recorder has done since it started.

    Attributes:
        messages: on disk.
        bytes: on disk, of the present start.
        duplicates: messages received twice.
        gaps, missing: jumps of `step` in the observations, and the steps jumped over.
        lost: messages dropped because the disk took nothing.
        pending: messages not yet on disk.
        error: why nothing is being written, or ''.
    """

    messages: int = 0
    bytes: int = 0
    duplicates: int = 0
    gaps: int = 0
    missing: int = 0
    lost: int = 0
    pending: int = 0
    error: str = ''


class Recording:
    """One start of a recorder: a bag folder steps_NNNN with files that are rotated by size.

    Args:
        bags_dir: folder of the bag folders; made if missing.
        max_file_size: bytes after which a new file begins.
        flush_period: seconds between two writes; what is younger is lost when the process is killed.
        report: called with ('info' | 'error', text), also from the writing thread.

    Raises:
        ConfigError: another recorder writes there, or the path is no folder.
        OSError: the disk is full, or nothing may be written there.
    """

    def __init__(
        self, bags_dir: Path, max_file_size: int, flush_period: float, report: Callable[[str, str], None]
    ) -> None:
        self.status = Status()
        self._bags_dir = bags_dir
        self._max_file_size = max_file_size
        self._flush_period = flush_period
        self._report = report
        self._queue: deque[Message] = deque()
        self._waiting: deque[Message] = deque()
        self._seen: dict[str, OrderedDict[StepKey, None]] = {}
        self._newest: dict[int, int] = {}
        self._time = 0
        self._writer: McapWriter | None = None
        self._files: list[FileSummary] = []
        self._finished_bytes = 0
        self._described = True
        self._lock = lock(bags_dir)
        try:
            self._start()
        except OSError:
            release(self._lock)
            raise
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='bag writer', daemon=True)
        self._thread.start()

    def add(self, topic: Topic, data: bytes, received: int) -> bool:
        """Record a message; returns False if it was recorded before. Never waits for the disk.

        Args:
            data: serialised Observation or Action.
            received: nanoseconds since the epoch.
        """
        try:
            key = step_key(data)
        except CdrError as error:
            self._report('error', f'{topic.name}: {error}; not recorded')
            return False
        if not self._remember(topic.type, key):
            self.status.duplicates += 1
            return False
        if topic.type == OBSERVATION:
            self._count_gap(*key)
        # Players want times that do not run back, which a wall clock may do.
        self._time = max(self._time, received)
        self._queue.append(Message(topic, self._time, data))
        return True

    def close(self) -> None:
        """Write what is left and finish the file; the lock is given back."""
        self._stop.set()
        self._thread.join()
        self._flush()
        try:
            self._finish_file()
        except OSError as error:
            self._report('error', f'{self._folder}: not finished: {error.strerror}; the next start does it')
        if self._writer is not None:
            self._writer.close()
        release(self._lock)

    @property
    def alive(self) -> bool:
        """Whether the writing thread runs."""
        return self._thread.is_alive()

    def _start(self) -> None:
        for line in repair(self._bags_dir):
            self._report('info', line)
        for kind, keys in recent_keys(self._bags_dir, REMEMBERED // 8).items():
            self._seen[kind] = OrderedDict.fromkeys(keys)
            if kind == OBSERVATION:
                self._newest = dict(keys[-1:])
        numbers = [natural(path.name)[1][0] for path in self._bags_dir.glob('steps_*') if path.is_dir()]
        self._folder = self._bags_dir / f'steps_{max(numbers, default=0) + 1:04d}'
        probe = self._bags_dir / '.probe'
        probe.touch()
        probe.unlink()

    def _remember(self, kind: str, key: StepKey) -> bool:
        seen = self._seen.setdefault(kind, OrderedDict())
        if key in seen:
            return False
        seen[key] = None
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)
        return True

    def _count_gap(self, stream: int, step: int) -> None:
        newest = self._newest.get(stream)
        if newest is not None and step > newest + 1:
            self.status.gaps += 1
            self.status.missing += step - newest - 1
        self._newest = {stream: max(step, -1 if newest is None else newest)}

    def _run(self) -> None:
        while not self._stop.wait(self._flush_period):
            self._flush()

    def _flush(self) -> None:
        """Write everything that waits, in chunks; on an error keep it for the next time."""
        while self._queue:
            self._waiting.append(self._queue.popleft())
        try:
            while self._waiting:
                chunk = _first(self._waiting, CHUNK_BYTES)
                self._file().write(chunk)
                for _ in chunk:
                    self._waiting.popleft()
                self.status.messages += len(chunk)
        except OSError as error:
            self._failed(error)
        else:
            if self.status.error:
                lost, self.status.error = self.status.lost, ''
                self._report('info', f'recording again; {lost} messages lost in all')
        self.status.bytes = self._finished_bytes + (self._writer.size if self._writer else 0)
        self.status.pending = len(self._waiting)

    def _failed(self, error: OSError) -> None:
        if not self.status.error:
            self._report('error', f'recording stopped: {self._folder}: {error.strerror}; it goes on when there is space')
        self.status.error = error.strerror or str(error)
        size = sum(len(message.data) for message in self._waiting)
        while size > KEPT_BYTES:
            size -= len(self._waiting.popleft().data)
            self.status.lost += 1

    def _file(self) -> McapWriter:
        """The file to write to; a full one is finished first."""
        if not self._described or (self._writer is not None and self._writer.size >= self._max_file_size):
            self._finish_file()
        if self._writer is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._writer = McapWriter(self._folder / f'{self._folder.name}_{len(self._files)}.mcap')
            sync_folder(self._folder)
        return self._writer

    def _finish_file(self) -> None:
        writer = self._writer
        if writer is not None and writer.summary.messages:
            self._files.append(writer.finish(file_metadata))
            self._finished_bytes += writer.size
            self._described = False
        elif writer is not None:
            writer.close()
            writer.path.unlink()
        self._writer = None
        if not self._described:
            write_metadata(self._folder, self._files)
            self._described = True


def lock(bags_dir: Path) -> int:
    """Make `bags_dir` and lock it for this process until `release`; a killed process gives it back by itself.

    Raises:
        ConfigError: someone else has it, or the path is no folder.
        OSError: it cannot be made.
    """
    with making_folders(bags_dir):
        bags_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(bags_dir / '.lock', os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(descriptor, 32, 0).decode(errors='replace').strip()
        os.close(descriptor)
        raise ConfigError(
            f'run_dir: another recorder (process {owner or "unknown"}) writes to {bags_dir}; '
            'stop it or give another run_dir'
        ) from None
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f'{os.getpid()}\n'.encode(), 0)
    return descriptor


def release(held: int) -> None:
    """Give back what `lock` returned."""
    os.close(held)


def recent_keys(bags_dir: Path, count: int) -> dict[str, list[StepKey]]:
    """Type -> the last `count` or more (stream, step), oldest first, from the newest files."""
    found: dict[str, list[StepKey]] = {}
    for path in reversed(files_in_order(bags_dir)):
        keys: dict[str, list[StepKey]] = {}
        for message in _messages(Scan(path)):
            with contextlib.suppress(CdrError):
                keys.setdefault(message.topic.type, []).append(step_key(message.data))
        for kind, newer in found.items():
            keys[kind] = keys.get(kind, []) + newer
        found = keys
        if found and all(len(values) >= count for values in found.values()):
            break
    return found


def _messages(scan: Scan) -> Iterable[Message]:
    for chunk in scan.chunks():
        yield from chunk


def _first(messages: Iterable[Message], size: int) -> list[Message]:
    """The first messages that together are at most `size` bytes, but at least one."""
    taken: list[Message] = []
    for message in messages:
        size -= len(message.data)
        if size < 0 and taken:
            break
        taken.append(message)
    return taken
