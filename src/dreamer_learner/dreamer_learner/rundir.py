"""The run directory: who may use it, and what it was made for."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import yaml

from dreamer_learning.atomic import write_file
from dreamer_learning.config import ConfigError, differences, load_yaml
from dreamer_node.storage import making_folders

LOCK, RUN, CONFIG = '.learner.lock', 'run.yaml', 'config.yaml'


class RunDirectory:
    """A run directory held by this process alone until `close` (or its end, however it ends: the kernel drops the lock).

    Args:
        path: created where it does not exist.
        run: what the run is, see dreamer_learner.identity; for run.yaml.
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
            self._run, self._config = dict(run), dict(config)
            self._before = load_yaml(self.path / CONFIG) if (self.path / CONFIG).is_file() else {}
            self.changed = list(differences(self._before, self._config)) if self._before else []
            self._check()
        except BaseException:
            self.close()
            raise

    @property
    def checkpoints(self) -> Path:
        return self.path / 'checkpoints'

    @property
    def bags(self) -> Path:
        return self.path / 'bags'

    def claim(self) -> None:
        """Write what the run is for, once. For who has found that all else it was given can work: a run that could not begin
        is for any configuration.

        Raises:
            OSError: the disk is full, or nothing may be written there.
        """
        if not (self.path / RUN).is_file():
            write_file(self.path / RUN, yaml.safe_dump(self._run, sort_keys=False))
        if self._before != self._config:
            write_file(self.path / CONFIG, yaml.safe_dump(self._config, sort_keys=False))

    def close(self) -> None:
        """Let another learner use the directory."""
        self._lock.close()

    def _sweep(self) -> None:
        """Remove the unfinished files that a killed learner left; the lock says that nobody writes them."""
        for pattern in ('checkpoints/.checkpoint-*.tmp', f'.{RUN}.tmp', f'.{CONFIG}.tmp'):
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)

    def _check(self) -> None:
        if not (self.path / RUN).is_file():
            return
        other = list(differences(load_yaml(self.path / RUN), self._run))
        if other:
            # A hash alone tells a person nothing: then the values behind it are named.
            named = [text for text in other if not text.startswith('config_hash')] or self.changed or other
            raise ConfigError(
                f'run_dir: {self.path} belongs to another configuration: {"; ".join(named)}; '
                'choose another run_dir or the values of that run'
            )


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
