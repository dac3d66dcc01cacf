"""Loggers for the output of processes."""

import logging
from collections.abc import Iterable

from .config import launch_config

OutputConfig = str | dict[str, Iterable[str]]

_NAMED: dict[str, dict[str, set[str]]] = {
    'screen': {'both': {'screen'}},
    'log': {'both': {'log'}, 'stderr': {'screen'}},
    'both': {'both': {'log', 'screen'}},
    'own_log': {'both': {'own_log'}, 'stdout': {'own_log'}, 'stderr': {'own_log'}},
    'full': {'both': {'screen', 'log', 'own_log'}, 'stdout': {'own_log'}, 'stderr': {'own_log'}},
}
_SOURCES = ('both', 'stdout', 'stderr')
_TARGETS = ('screen', 'log', 'own_log')


def _normalize(config: OutputConfig) -> dict[str, set[str]]:
    if isinstance(config, str):
        if config not in _NAMED:
            raise ValueError(f"output '{config}' is not one of {sorted(_NAMED)}")
        return _NAMED[config]
    result: dict[str, set[str]] = {}
    for source, targets in config.items():
        names = {targets} if isinstance(targets, str) else set(targets)
        if source not in _SOURCES:
            raise ValueError(f"output source '{source}' is not one of {_SOURCES}")
        if not names <= set(_TARGETS):
            raise ValueError(f'output targets {sorted(names - set(_TARGETS))} are not among {_TARGETS}')
        result[source] = names
    return result


def get_output_loggers(process_name: str, output_config: OutputConfig) -> tuple[logging.Logger, logging.Logger]:
    """
    Return the loggers for standard output and standard error of a process.

    `output_config`: screen, log, both, own_log, full, or {'stdout' | 'stderr' | 'both': targets} with the
    targets screen, log (launch.log) and own_log (files of the process's own). ValueError for anything else.
    """
    config = _normalize(output_config)
    loggers = []
    for source in ('stdout', 'stderr'):
        logger = logging.getLogger(f'launch.process.{process_name}.{source}')
        logger.propagate = False
        logger.setLevel(logging.DEBUG)
        for old in tuple(logger.handlers):
            logger.removeHandler(old)
        targets = config.get('both', set()) | config.get(source, set())
        if 'screen' in targets:
            logger.addHandler(launch_config.get_screen_handler())
        if 'log' in targets:
            logger.addHandler(launch_config.get_log_file_handler())
        if 'own_log' in config.get(source, set()):
            logger.addHandler(launch_config.get_log_file_handler(f'{process_name}-{source}.log'))
        if 'own_log' in config.get('both', set()):
            logger.addHandler(launch_config.get_log_file_handler(f'{process_name}.log'))
        loggers.append(logger)
    return loggers[0], loggers[1]
