"""Lines out of the chunks that a process writes."""

import codecs
import io
import logging
from collections.abc import Callable


class OutputLines:
    """
    Logs the output of a process line by line and keeps it if asked to.

    `loggers`: by file descriptor (1 and 2). `format_line`: makes the text that is logged of a line.
    """

    def __init__(
        self, loggers: dict[int, logging.Logger], format_line: Callable[[str], str], cached: bool,
    ) -> None:
        self._loggers = loggers
        self._format_line = format_line
        self._cached = cached
        self._decoders = {fd: codecs.getincrementaldecoder('utf-8')(errors='replace') for fd in loggers}
        self._partial = dict.fromkeys(loggers, '')
        self._texts = {fd: io.StringIO() for fd in loggers}

    def add(self, fd: int, data: bytes, final: bool = False) -> None:
        """Take a chunk; with `final` also log a last line without an end."""
        text = self._decoders[fd].decode(data, final)
        if self._cached:
            self._texts[fd].write(text)
        *lines, rest = (self._partial[fd] + text).split('\n')
        if final and rest:
            lines.append(rest)
            rest = ''
        self._partial[fd] = rest
        for line in lines:
            self._loggers[fd].info('%s', self._format_line(line.rstrip('\r')), extra={'raw': True})

    def finish(self) -> None:
        """Log what has no line end yet."""
        for fd in self._loggers:
            self.add(fd, b'', final=True)

    def text(self, fd: int) -> str:
        """Return all output of a descriptor so far; empty if it is not kept."""
        return self._texts[fd].getvalue()
