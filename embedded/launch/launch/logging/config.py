"""Where the log of a launch goes: the screen and files in one folder per launch."""

import datetime
import logging
import os
import socket

from .handlers import SCREEN_FORMATS, LineFormatter, ScreenHandler, wants_colour

FILE_FORMAT = '{created:.7f} [{levelname}] [{name}]: {message}'


def base_log_dir() -> str:
    """Return ROS_LOG_DIR, or ROS_HOME/log, or ~/.ros/log."""
    log_dir = os.environ.get('ROS_LOG_DIR')
    if log_dir:
        return os.path.abspath(os.path.expanduser(log_dir))
    home = os.environ.get('ROS_HOME') or os.path.join('~', '.ros')
    return os.path.abspath(os.path.join(os.path.expanduser(home), 'log'))


class LaunchConfig:
    """The logging configuration of this process; handlers and the folder are made on first use."""

    def __init__(self) -> None:
        self._level = logging.INFO
        self._log_dir: str | None = None
        self._screen_handler: ScreenHandler | None = None
        self._file_handlers: dict[str, logging.Handler] = {}

    def reset(self) -> None:
        """Close all handlers and forget folder and level."""
        for handler in self._file_handlers.values():
            handler.close()
        self.__init__()  # type: ignore[misc]

    @property
    def level(self) -> int:
        """Level below which messages are dropped."""
        return self._level

    @level.setter
    def level(self, level: int | str) -> None:
        if isinstance(level, str):
            levels = logging.getLevelNamesMapping()
            if level.upper() not in levels:
                raise ValueError(f"log level '{level}' is not one of {sorted(levels)}")
            level = levels[level.upper()]
        self._level = level
        logging.getLogger('launch').setLevel(level)

    @property
    def log_dir(self) -> str:
        """The folder of this launch; made on first use, with a link `latest` beside it."""
        if self._log_dir is None:
            stamp = datetime.datetime.now().strftime('%Y-%m-%d-%H-%M-%S-%f')
            name = f'{stamp}-{socket.gethostname()}-{os.getpid()}'
            self.log_dir = os.path.join(base_log_dir(), name)
            self._renew_latest_link()
        assert self._log_dir is not None
        return self._log_dir

    @log_dir.setter
    def log_dir(self, log_dir: str) -> None:
        path = os.path.abspath(os.path.expanduser(log_dir))
        if self._log_dir is not None and self._log_dir != path:
            raise RuntimeError(f"the log folder is already '{self._log_dir}'")
        os.makedirs(path, exist_ok=True)
        self._log_dir = path

    def _renew_latest_link(self) -> None:
        assert self._log_dir is not None
        link = os.path.join(os.path.dirname(self._log_dir), 'latest')
        temporary = f'{link}.{os.getpid()}'
        try:
            if os.path.exists(link) and not os.path.islink(link):
                return
            os.symlink(os.path.basename(self._log_dir), temporary)
            os.replace(temporary, link)
        except OSError:
            pass  # a convenience only; file systems without links lack it

    def set_screen_format(self, screen_format: str) -> None:
        """Set 'default', 'default_with_timestamp' or a format in {}-style for the screen."""
        self.get_screen_handler().setFormatter(LineFormatter(
            SCREEN_FORMATS.get(screen_format, screen_format),
            timestamp=screen_format == 'default_with_timestamp', colour=wants_colour()))

    def get_screen_handler(self) -> logging.Handler:
        """Return the one handler that writes to the screen."""
        if self._screen_handler is None:
            self._screen_handler = ScreenHandler()
            self.set_screen_format(os.environ.get('OVERRIDE_LAUNCH_SCREEN_FORMAT', 'default'))
        return self._screen_handler

    def get_log_file_path(self, file_name: str = 'launch.log') -> str:
        """Return the path of a log file of this launch."""
        return os.path.join(self.log_dir, file_name)

    def get_log_file_handler(self, file_name: str = 'launch.log') -> logging.Handler:
        """Return the one handler that writes to that file."""
        if file_name not in self._file_handlers:
            handler = logging.FileHandler(self.get_log_file_path(file_name), encoding='utf-8')
            handler.setFormatter(LineFormatter(FILE_FORMAT, timestamp=True))
            self._file_handlers[file_name] = handler
        return self._file_handlers[file_name]


launch_config = LaunchConfig()
