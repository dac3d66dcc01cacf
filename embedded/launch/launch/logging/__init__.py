"""Logging of launch: screen and files."""

import logging

from .config import LaunchConfig, launch_config
from .output import get_output_loggers

__all__ = ['LaunchConfig', 'get_logger', 'get_output_loggers', 'launch_config', 'log_launch_config', 'reset']


class _RootHandler(logging.Handler):
    """Passes records to the screen and launch.log of the configuration of the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        launch_config.get_screen_handler().handle(record)
        try:
            file_handler = launch_config.get_log_file_handler()
        except OSError:
            return  # an unwritable log folder must not stop a launch
        file_handler.handle(record)


class _ShortName(logging.Filter):
    """Shows 'talker-1' for the logger 'launch.talker-1'."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name != 'launch.user':
            record.name = record.name.removeprefix('launch.')
        return True


def _root() -> logging.Logger:
    root = logging.getLogger('launch')
    if not any(isinstance(handler, _RootHandler) for handler in root.handlers):
        handler = _RootHandler()
        handler.addFilter(_ShortName())
        root.addHandler(handler)
        root.propagate = False
        root.setLevel(launch_config.level)
    return root


def get_logger(name: str | None = None) -> logging.Logger:
    """Return a logger that writes to the screen and to launch.log; without a name it is called root."""
    root = _root()
    name = name or 'root'
    if name == 'launch':
        return root
    return logging.getLogger(name if name.startswith('launch.') else f'launch.{name}')


def log_launch_config(*, logger: logging.Logger | None = None) -> None:
    """Log where the log files are and the level."""
    logger = logger or get_logger('launch')
    try:
        logger.info(f'All log files can be found below {launch_config.log_dir}')
    except OSError as error:
        logger.warning(f'no log files: {error.filename}: {error.strerror}')
    logger.info(f'Default logging verbosity is set to {logging.getLevelName(launch_config.level)}')


def reset() -> None:
    """Return to the initial logging configuration."""
    launch_config.reset()
