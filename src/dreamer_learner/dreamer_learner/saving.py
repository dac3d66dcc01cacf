"""Checkpoints of a run: written between two updates, read at the start."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dreamer_learning import checkpoint
from dreamer_learning.config import ConfigError

KEPT = 3
"""Checkpoints that stay in the folder."""


class Saved(NamedTuple):
    """Whether a checkpoint was written, and one line that names the file, or says why not."""

    good: bool
    text: str


class Saver:
    """Writes checkpoints into one folder. Failing to write one ends nothing: the one before stays.

    Args:
        directory: run_dir/checkpoints.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def save(self, payload: Mapping[str, Any], updates: int) -> Saved:
        """Write one checkpoint named after its number of updates, and drop the oldest."""
        path = self._directory / checkpoint.name(updates)
        try:
            checkpoint.save(path, payload)
            checkpoint.prune(self._directory, KEPT)
        except checkpoint.CheckpointError as error:
            return Saved(False, str(error))
        except OSError as error:
            return Saved(False, f'{error.filename or path}: {error.strerror or error}')
        return Saved(True, str(path))

    def kept(self) -> str:
        """In words, which checkpoint is left when training has failed."""
        path = checkpoint.newest(self._directory)
        return 'no checkpoint was written' if path is None else f'the last good checkpoint is kept: {path}'


def load(directory: Path, info: Callable[[str], None], warn: Callable[[str], None]) -> checkpoint.Loaded | None:
    """The newest intact checkpoint, or None where there is none.

    Args:
        info: takes one line that names the file that is used.
        warn: takes one line for each newer one that is not intact.

    Raises:
        ConfigError: there are checkpoints, but none can be read.
    """
    try:
        loaded = checkpoint.load_latest(directory)
    except checkpoint.CheckpointError as error:
        raise ConfigError(f'run_dir: {error}; choose another run_dir, or delete that folder to train anew') from None
    if loaded is None:
        return None
    for warning in loaded.warnings:
        warn(warning)
    info(f'resumed from {loaded.path}')
    return loaded


@contextlib.contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Load the parts of a checkpoint.

    Raises:
        ConfigError: they do not fit; it names the file.
    """
    try:
        yield
    except KeyError as error:
        raise ConfigError(f'{path}: the checkpoint does not fit: {error} is missing') from None
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f'{path}: the checkpoint does not fit: {error}') from None


def load_foreign(source: Path) -> tuple[Path, dict[str, Any]]:
    """Another run's state of its agent, and the file that it is from.

    Args:
        source: a checkpoint, a folder of checkpoints, or a run directory.

    Raises:
        ConfigError: there is none, or it cannot be read.
    """
    folder = source / 'checkpoints' if (source / 'checkpoints').is_dir() else source
    try:
        loaded = checkpoint.load_latest(folder) if folder.is_dir() else checkpoint.Loaded(checkpoint.load(source), source, [])
    except checkpoint.CheckpointError as error:
        raise ConfigError(f'from_checkpoint: {error}') from None
    if loaded is None:
        raise ConfigError(f'from_checkpoint: {source} has no checkpoint')
    state = loaded.payload.get('agent')
    if not isinstance(state, dict) or not isinstance(state.get('networks'), dict):
        raise ConfigError(f'from_checkpoint: {loaded.path} holds no agent')
    return loaded.path, state
