"""The run directory: who may use it, and what it was made for."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import yaml

from dreamer_learning.atomic import write_file
from dreamer_learning.config import ConfigError, load_yaml
from dreamer_node.storage import making_folders

LOCK, RUN, CONFIG = '.learner.lock', 'run.yaml', 'config.yaml'
MISSING = '(missing)'


class RunDirectory:
    """A run directory held by this process alone until `close` (or its end, however it ends: the kernel drops the lock).

    Args:
        path: created where it does not exist.
        run: what the run is, see dreamer_learner.identity. Written to run.yaml once.
        config: every value, for config.yaml.

    Attributes:
        changed: keys of config.yaml with other values than in the run so far, as text; they do not touch the parameters'
            meaning.

    Raises:
        ConfigError: not a folder, another learner uses it, or it belongs to another configuration.
        OSError: the disk is full, or nothing may be written there.
    """

    def __init__(self, path: Path, run: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        self.path = Path(path)
        with making_folders(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(self.path / LOCK)
        try:
            self._sweep()
            self.changed = self._claim(dict(run), dict(config))
        except BaseException:
            self.close()
            raise

    @property
    def checkpoints(self) -> Path:
        return self.path / 'checkpoints'

    @property
    def bags(self) -> Path:
        return self.path / 'bags'

    def close(self) -> None:
        """Let another learner use the directory."""
        self._lock.close()

    def _sweep(self) -> None:
        """Remove the unfinished files that a killed learner left; the lock says that nobody writes them."""
        for pattern in ('checkpoints/.checkpoint-*.tmp', f'.{RUN}.tmp', f'.{CONFIG}.tmp'):
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)

    def _claim(self, run: dict[str, Any], config: dict[str, Any]) -> list[str]:
        run_file, config_file = self.path / RUN, self.path / CONFIG
        before = load_yaml(config_file) if config_file.is_file() else {}
        differences = list(_differences(before, config)) if before else []
        if run_file.is_file():
            other = list(_differences(load_yaml(run_file), run))
            if other:
                # A hash alone tells a person nothing: then the values behind it are named.
                named = [text for text in other if not text.startswith('config_hash')] or differences or other
                raise ConfigError(
                    f'run_dir: {self.path} belongs to another configuration: {"; ".join(named)}; '
                    'choose another run_dir or the values of that run'
                )
        if not run_file.is_file():
            write_file(run_file, yaml.safe_dump(run, sort_keys=False))
        if before != config:
            write_file(config_file, yaml.safe_dump(config, sort_keys=False))
        return differences


def _lock(path: Path) -> IO[str]:
    file = path.open('a+', encoding='utf-8')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or 'unknown'
        file.close()
        raise ConfigError(f'run_dir: {path.parent} is used by another learner (process {holder})') from None
    try:
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
    except OSError:
        # What could not be written would be tried again at closing.
        with contextlib.suppress(OSError):
            file.close()
        raise
    return file


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = '') -> Iterator[str]:
    """Key by key, 'a.b: 1 there, 2 here'."""
    for key in {**before, **now}:
        there, here = before.get(key, MISSING), now.get(key, MISSING)
        if isinstance(there, Mapping) and isinstance(here, Mapping):
            yield from _differences(there, here, f'{prefix}{key}.')
        elif _plain(there) != _plain(here):
            yield f'{prefix}{key}: {there} there, {here} here'


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
