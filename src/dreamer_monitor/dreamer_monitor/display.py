"""Where the console line goes: a row of its own at the bottom of the terminal, or now and then a line of text.

Under `ros2 launch` a node's output passes through launch, which passes on whole lines only and puts the node's name before
each: a line that updates in place never arrives. So the row is drawn on the controlling terminal itself, below a scrolling
region in which the output of all nodes goes on as usual.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable

SAVE, RESTORE, CLEAR = '\x1b7', '\x1b8', '\x1b[K'

LINE_PERIOD = 10.0
"""Seconds between two lines where there is no terminal."""


class Display:
    """Shows the line on the terminal when a person looks at it, else on standard output."""

    def __init__(self) -> None:
        self._terminal = open_terminal()
        self._size = os.terminal_size((0, 0))
        self._printed: float | None = None

    @property
    def in_place(self) -> bool:
        """Whether the line updates in place."""
        return self._terminal is not None

    def show(self, line: Callable[[int], str], now: float) -> None:
        """Show the line anew.

        Args:
            line: makes the line for a width.
            now: monotonic seconds.
        """
        if self._terminal is not None:
            try:
                self._draw(line)
                return
            except OSError:
                # The terminal was closed; the run goes on.
                self._terminal = None
        if self._printed is None or now - self._printed >= LINE_PERIOD:
            self._printed = now
            print(line(200), flush=True)

    def close(self) -> None:
        """Give the terminal back as it was."""
        if self._terminal is not None:
            rows = self._size.lines
            with contextlib.suppress(OSError):
                if rows:
                    self._write(f'{SAVE}\x1b[r\x1b[{rows};1H{CLEAR}{RESTORE}')
                os.close(self._terminal)
            self._terminal = None

    def _draw(self, line: Callable[[int], str]) -> None:
        size = os.get_terminal_size(self._terminal if self._terminal is not None else 1)
        prepare = ''
        if size != self._size:
            # A line feed first: the cursor may stand in the row that is taken away from the region.
            prepare = f'\n{SAVE}\x1b[1;{size.lines - 1}r{RESTORE}\x1b[1A'
            self._size = size
        text = line(size.columns - 1)
        self._write(f'{prepare}{SAVE}\x1b[{size.lines};1H\x1b[1m{text}\x1b[0m{CLEAR}{RESTORE}')

    def _write(self, text: str) -> None:
        if self._terminal is not None:
            os.write(self._terminal, text.encode())


def open_terminal() -> int | None:
    """A descriptor of the controlling terminal if a person watches this process there, else None.

    That is so when this process or its parent (launch) prints to a terminal and runs in its foreground: not when output
    goes to a file, to a pipe, or to pytest.
    """
    if os.environ.get('TERM', 'dumb') == 'dumb' or not sys.stdout.isatty():
        return None
    try:
        terminal = os.open('/dev/tty', os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        parent = os.getppid()
        foreground = os.tcgetpgrp(terminal) in (os.getpgrp(), os.getpgid(parent))
        watched = _is_controlling(1) or _prints_to_terminal(parent)
        size = os.get_terminal_size(terminal)
        if foreground and watched and size.lines >= 4 and size.columns >= 20:
            return terminal
    except OSError:
        pass
    os.close(terminal)
    return None


def _is_controlling(descriptor: int) -> bool:
    try:
        os.tcgetpgrp(descriptor)
    except OSError:
        return False
    return True


def _prints_to_terminal(process: int) -> bool:
    try:
        status = os.stat(f'/proc/{process}/fd/1')
    except OSError:
        return False
    # /dev/null is a character device too; a terminal has an open name below /dev/pts or /dev/tty*.
    return stat.S_ISCHR(status.st_mode) and os.readlink(f'/proc/{process}/fd/1').startswith(('/dev/pts/', '/dev/tty'))
