"""Pseudo terminals for processes that should believe that they write to a terminal."""

import fcntl
import os
import pty
import struct
import termios


def _copy_window_size(descriptor: int) -> None:
    try:
        size = os.get_terminal_size(1)
    except OSError:
        return
    packed = struct.pack('HHHH', size.lines, size.columns, 0, 0)
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, packed)


def open_terminal() -> tuple[int, int]:
    """Return (our side, the process's side) of a pseudo terminal that passes bytes on unchanged."""
    ours, theirs = pty.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST  # no \r before each \n
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    _copy_window_size(theirs)
    return ours, theirs
