"""Which policy files count as those of a run."""

import dataclasses
import re
from pathlib import Path

import pytest
import yaml

from dreamer_learner.provenance import check_policy_file
from dreamer_learning import checkpoint
from dreamer_learning.acting import Acting
from dreamer_learning.config import ConfigError
from dreamer_learning.onnx_policy import PolicyFile

NAMES = {'agent': 'small', 'size': 'tiny', 'task': 'reach'}
FILE = PolicyFile(
    **NAMES, blocks='', robot='box', config_hash='aa', updates=12, env_steps=0, weights_version=5000, environments=1, spaces={},
    acting=Acting(32, 4, 4, 'categorical', 'sample', 0.0, 'mode', True, False))


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run of hash aa, whose newest checkpoint has 12 updates."""
    for updates in (6, 12):
        content = {'agent': {'updates': updates}, 'weights_version': 5000}
        checkpoint.save(tmp_path / 'checkpoints' / checkpoint.name(updates), content)
    (tmp_path / 'run.yaml').write_text(yaml.safe_dump({**NAMES, 'config_hash': 'aa'}))
    return tmp_path


def check(run_dir: Path, configured: str = 'aa', **changes: object) -> str:
    file = dataclasses.replace(FILE, **changes)  # type: ignore[arg-type]
    return check_policy_file(Path('walk.onnx'), file, run_dir, NAMES, configured)


def test_the_policy_of_the_newest_checkpoint_is_the_runs(run_dir: Path) -> None:
    assert check(run_dir) == ''


def test_another_configuration_is_refused_with_both_names(run_dir: Path) -> None:
    text = (r'^policy_file: walk.onnx is of configuration bb \(agent small, size wide, blocks x, task reach\), the run .* of aa '
            r'\(agent small, size tiny, task reach\); ros2 run dreamer_learner export')
    with pytest.raises(ConfigError, match=text):
        check(run_dir, config_hash='bb', size='wide', blocks='x')
    (run_dir / 'run.yaml').write_text(yaml.safe_dump(NAMES))
    with pytest.raises(ConfigError, match='is of configuration aa .* of cc'):
        check(run_dir, configured='cc')


@pytest.mark.parametrize(('changes', 'expected'), [
    ({'updates': 6}, 'has 6 updates, the newest checkpoint .*000012.safetensors has 12: what is evaluated is the file'),
    ({'weights_version': 77}, '12 updates both, but other weights'),
])
def test_another_policy_of_the_same_configuration_is_a_warning(run_dir: Path, changes: dict, expected: str) -> None:
    assert re.search(expected, check(run_dir, **changes))


def test_what_cannot_be_compared_is_a_warning(run_dir: Path) -> None:
    newest = run_dir / 'checkpoints' / checkpoint.name(12)
    newest.write_bytes(b'cut short')
    assert f'cannot be compared with the run: {newest}: not a complete checkpoint' in check(run_dir)
    for path in (run_dir / 'checkpoints').iterdir():
        path.unlink()
    assert 'has no checkpoint' in check(run_dir)
