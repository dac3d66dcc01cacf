"""When the machine itself stands still: a timer at a high real-time priority on each core, and when it was late.

A process that nothing on the machine goes before waits only for the kernel, for the processor's own interrupts and, in a virtual
machine, for the host. What is late then is not late because of what runs beside it.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dreamer_node import realtime

PERIOD = 0.002
"""s between two looks at the clock."""
LATE = 0.002
"""s of lateness that count."""
PRIORITY = 90
"""Of SCHED_FIFO: ahead of all that runs here."""
START_TIME = 20.0
"""s within which the watchers run."""
READY = 'ready'

Interval = tuple[float, float]


class Standstill:
    """Watches all cores of this process in a with block.

    Attributes:
        fault: why nothing can be watched; '' = all is well.
        intervals: s of time.monotonic(), when a core stood still; complete after the block.
    """

    def __init__(self, folder: Path) -> None:
        self.fault = ''
        self.intervals: list[Interval] = []
        self._files = [folder / f'standstill-{core}' for core in sorted(os.sched_getaffinity(0))]
        self._watchers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Standstill:
        for path in self._files:
            with path.open('w') as output:
                core = path.name.rpartition('-')[2]
                self._watchers.append(subprocess.Popen(
                    [sys.executable, __file__, core], stdout=output, stderr=subprocess.DEVNULL, start_new_session=True))
        deadline = time.monotonic() + START_TIME
        while not all(path.stat().st_size for path in self._files) and time.monotonic() < deadline:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        for watcher in self._watchers:
            watcher.send_signal(signal.SIGTERM)
            watcher.wait(10)
        for path in self._files:
            lines = path.read_text().splitlines()
            if not lines:
                self.fault = f'the watcher of {path.name} did not run'
            for line in lines:
                if line.startswith('error: '):
                    self.fault = line.removeprefix('error: ')
                elif line != READY:
                    begin, end = map(float, line.split())
                    self.intervals.append((begin, end))


def longest_overlap(interval: Interval, others: Sequence[Interval]) -> float:
    """s for which the one of `others` that covers most of `interval` covers it; 0 = none does."""
    return max([0.0, *(min(interval[1], end) - max(interval[0], begin) for begin, end in others)])


def watch(core: int) -> None:
    """Print when this core stood still, until a signal ends the process, or the one that started it has ended."""
    parent = os.getppid()
    os.sched_setaffinity(0, {core})
    fault = realtime.take(PRIORITY)
    if fault:
        print(f'error: {fault}', flush=True)
        return
    gc.disable()
    print(READY, flush=True)
    due = time.monotonic() + PERIOD
    while os.getppid() == parent:
        time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        if now - due > LATE:
            print(f'{due:.4f} {now:.4f}', flush=True)
        due = max(due + PERIOD, now)


if __name__ == '__main__':
    watch(int(sys.argv[1]))
