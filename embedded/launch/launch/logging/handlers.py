"""Handlers and formatters of the launch log."""

import logging
import os
import sys

SCREEN_FORMATS = {
    'default': '[{levelname}] [{name}]: {message}',
    'default_with_timestamp': '{created:.7f} [{levelname}] [{name}]: {message}',
}
_COLOURS = {logging.WARNING: '\033[33m', logging.ERROR: '\033[31m', logging.CRITICAL: '\033[31;1m'}


class LineFormatter(logging.Formatter):
    """
    Formats records; those marked `raw` (output of a process) get no level and name.

    `timestamp`: put the time before every line. `colour`: colour warnings and errors.
    """

    def __init__(self, line_format: str, *, timestamp: bool = False, colour: bool = False) -> None:
        super().__init__(line_format, style='{')
        self._timestamp = timestamp
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        if getattr(record, 'raw', False):
            text = record.getMessage()
            return f'{record.created:.7f} {text}' if self._timestamp else text
        text = super().format(record)
        colour = _COLOURS.get(record.levelno) if self._colour else None
        return text if colour is None else f'{colour}{text}\033[0m'


class ScreenHandler(logging.StreamHandler):
    """Writes to whatever standard output is at the time; a terminal that is gone is no error."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, ValueError)):
            super().handleError(record)


def wants_colour() -> bool:
    """Return whether RCUTILS_COLORIZED_OUTPUT or the terminal asks for colours."""
    setting = os.environ.get('RCUTILS_COLORIZED_OUTPUT')
    if setting is not None:
        return setting == '1'
    return sys.stdout.isatty()
