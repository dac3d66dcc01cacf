import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dreamer_learner.rundir import RunDirectory
from dreamer_learning.config import ConfigError

RUN = {'agent': 'dreamer_v3', 'size': 'cpu', 'task': 'walk', 'robot': 'a1', 'config_hash': 'aa'}
CONFIG = {'agent': 'dreamer_v3', 'agent_config': {'units': 128, 'mults': (2, 3), 'rate': 0.1}}


def begin(path: Path, run: dict[str, Any] = RUN, config: dict[str, Any] = CONFIG) -> RunDirectory:
    """A learner that began."""
    directory = RunDirectory(path, run, config)
    directory.claim()
    return directory


def test_what_the_run_is_for_is_written_once_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / 'a folder' / 'run'
    begin(path).close()
    assert yaml.safe_load((path / 'run.yaml').read_text()) == RUN
    assert yaml.safe_load((path / 'config.yaml').read_text())['agent_config']['rate'] == 0.1
    again = RunDirectory(path, RUN, CONFIG)
    assert again.changed == []
    again.close()


def test_another_configuration_is_refused_naming_the_keys(tmp_path: Path) -> None:
    begin(tmp_path).close()
    with pytest.raises(ConfigError, match=r'another configuration: size: cpu there, 1m here; choose'):
        RunDirectory(tmp_path, {**RUN, 'size': '1m', 'config_hash': 'bb'}, CONFIG)
    assert yaml.safe_load((tmp_path / 'run.yaml').read_text()) == RUN


def test_where_only_the_hash_differs_the_values_behind_it_are_named(tmp_path: Path) -> None:
    begin(tmp_path).close()
    other = {'agent': 'dreamer_v3', 'agent_config': {'units': 64, 'mults': (2, 3), 'rate': 0.1}}
    with pytest.raises(ConfigError, match=r'agent_config\.units: 128 there, 64 here; choose'):
        RunDirectory(tmp_path, {**RUN, 'config_hash': 'bb'}, other)


def test_values_outside_the_hash_may_change_and_are_named(tmp_path: Path) -> None:
    begin(tmp_path).close()
    other = {'agent': 'dreamer_v3', 'agent_config': {'units': 128, 'mults': (2, 3), 'rate': 0.2}}
    run = begin(tmp_path, RUN, other)
    assert run.changed == ['agent_config.rate: 0.1 there, 0.2 here']
    assert yaml.safe_load((tmp_path / 'config.yaml').read_text())['agent_config']['rate'] == 0.2
    run.close()


def test_a_run_that_could_not_begin_is_for_any_configuration(tmp_path: Path) -> None:
    RunDirectory(tmp_path, RUN, CONFIG).close()
    begin(tmp_path, {**RUN, 'size': '1m', 'config_hash': 'bb'}, {**CONFIG, 'size': '1m'}).close()
    assert yaml.safe_load((tmp_path / 'run.yaml').read_text())['size'] == '1m'
    # One that began before keeps what it is, whatever is asked for later.
    with pytest.raises(ConfigError, match='size: 1m there, cpu here'):
        RunDirectory(tmp_path, RUN, CONFIG)
    RunDirectory(tmp_path, {**RUN, 'size': '1m', 'config_hash': 'bb'}, CONFIG).close()
    assert yaml.safe_load((tmp_path / 'config.yaml').read_text())['size'] == '1m'


def test_a_second_learner_is_refused_until_the_first_one_ends(tmp_path: Path) -> None:
    first = RunDirectory(tmp_path, RUN, CONFIG)
    with pytest.raises(ConfigError, match=f'another learner .process {os.getpid()}'):
        RunDirectory(tmp_path, RUN, CONFIG)
    first.close()
    RunDirectory(tmp_path, RUN, CONFIG).close()


def test_a_killed_learner_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        'import os, signal, sys; from dreamer_learner.rundir import RunDirectory; '
        f'run = RunDirectory(sys.argv[1], {RUN!r}, {CONFIG!r}); os.kill(os.getpid(), signal.SIGKILL)'
    )
    ended = subprocess.run([sys.executable, '-c', code, str(tmp_path)], check=False, timeout=600)
    assert ended.returncode == -9
    RunDirectory(tmp_path, RUN, CONFIG).close()


def test_what_a_killed_learner_left_unfinished_is_removed(tmp_path: Path) -> None:
    RunDirectory(tmp_path, RUN, CONFIG).close()
    (tmp_path / 'checkpoints').mkdir()
    kept = tmp_path / 'checkpoints' / 'checkpoint-000000000005.safetensors'
    left = [tmp_path / 'checkpoints' / f'.{kept.name}.tmp', tmp_path / '.config.yaml.tmp']
    for path in (kept, *left):
        path.touch()
    run = RunDirectory(tmp_path, RUN, CONFIG)
    assert kept.exists()
    assert not any(path.exists() for path in left)
    # Under the lock only: another learner's unfinished file is its own affair.
    left[0].touch()
    with pytest.raises(ConfigError):
        RunDirectory(tmp_path, RUN, CONFIG)
    assert left[0].exists()
    run.close()


def test_a_full_disk_is_no_configuration_error_and_leaves_no_lock(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in (0, 20):
        # No file may grow beyond this: neither the lock's, nor run.yaml.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            with pytest.raises(OSError, match='File too large'):
                begin(tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert not (tmp_path / 'run.yaml').exists()
    begin(tmp_path).close()
    assert yaml.safe_load((tmp_path / 'run.yaml').read_text()) == RUN


def test_a_path_that_is_no_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(ConfigError, match=r'run_dir: .*file'):
        RunDirectory(tmp_path / 'file', RUN, CONFIG)
