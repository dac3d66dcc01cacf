import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import Here

from dreamer_learner import export
from dreamer_learner.identity import run_identity
from dreamer_learning import checkpoint
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.export import largest_difference
from dreamer_learning.onnx_policy import OnnxPolicy
from dreamer_learning.policy import Policy
from dreamer_learning.spaces import load_task

CODE = 'import sys; from dreamer_learner.main import export; sys.exit(export())'
NAMES = {'agent': 'small', 'size': 'tiny', 'task': 'reach', 'robot': 'box'}


def make_agent(config_dir: Path, seed: int) -> Agent:
    return Agent(load_agent(config_dir, 'small', 'tiny'), load_task(config_dir, 'reach'), seed=seed)


@pytest.fixture
def run_dir(config_dir: Path, tmp_path: Path) -> Path:
    """A run with two checkpoints, of 12 and of 34 updates."""
    folder = tmp_path / 'a run'
    folder.mkdir()
    for updates in (12, 34):
        agent = make_agent(config_dir, updates)
        agent.updates = updates
        checkpoint.save(folder / 'checkpoints' / checkpoint.name(updates), {
            'agent': agent.state_dict(), 'experience': {'env_steps': 10 * updates}, 'weights_version': 1000 * updates})
    identity = run_identity(NAMES, agent.config, load_task(config_dir, 'reach'))
    (folder / 'run.yaml').write_text(yaml.safe_dump(identity))
    return folder


def options(config_dir: Path, run_dir: Path, *more: object) -> list[str]:
    return ['--config-dir', str(config_dir), '--run-dir', str(run_dir), *map(str, more)]


def test_writes_the_newest_policy_and_says_what_it_is(config_dir: Path, run_dir: Path) -> None:
    command = [sys.executable, '-c', CODE, *options(config_dir, run_dir)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout.startswith(f'{run_dir}/policy.onnx: small tiny, task reach, 34 updates, 0.')
    assert result.stdout.count('\n') == 1
    written = OnnxPolicy(run_dir / 'policy.onnx')
    assert (written.file.updates, written.file.env_steps, written.file.weights_version) == (34, 340, 34000)
    agent = make_agent(config_dir, 34)
    policy = Policy(agent.config, written.task)
    policy.load(agent.policy_parameters())
    assert largest_difference(policy, written, 6) <= 1e-4


def test_writes_the_checkpoint_and_the_file_that_were_asked_for(
        here: Here, config_dir: Path, run_dir: Path) -> None:
    output = run_dir.parent / 'new folder' / 'walk.onnx'
    chosen = run_dir / 'checkpoints' / checkpoint.name(12)
    result = here(export.main, options(config_dir, run_dir, '--checkpoint', chosen, '--output', output))
    assert result.returncode == 0, result.stderr
    assert OnnxPolicy(output).file.updates == 12
    assert not (run_dir / 'policy.onnx').exists()


def test_the_checkpoint_of_another_agent_is_refused_with_both_names(
        here: Here, config_dir: Path, run_dir: Path) -> None:
    other = Agent(load_agent(config_dir, 'small', 'wide'), load_task(config_dir, 'reach'))
    path = run_dir.parent / checkpoint.name(5)
    checkpoint.save(path, {'agent': other.state_dict()})
    result = here(export.main, options(config_dir, run_dir, '--checkpoint', path))
    assert (result.returncode, result.stderr.count('\n')) == (2, 1)
    assert result.stderr.startswith(f'error: {path}: the checkpoint does not fit: ')
    assert '(agent small, size wide, task reach) does not fit' in result.stderr
    assert '(agent small, size tiny, task reach)' in result.stderr


def damage(run_dir: Path) -> None:
    for path in (run_dir / 'checkpoints').iterdir():
        path.write_bytes(b'cut short')


@pytest.mark.parametrize(('change', 'more', 'expected'), [
    (lambda folder: (folder / 'run.yaml').unlink(), [], 'is not the folder of a run: it has no run.yaml'),
    (lambda folder: (folder / 'run.yaml').write_text('agent: small\n'), [], "run.yaml: key 'size' is missing"),
    (lambda folder: (folder / 'run.yaml').write_text(yaml.safe_dump({**NAMES, 'config_hash': 'ab'})), [],
     'run.yaml: config_hash: ab there, '),
    (damage, [], 'none of the 2 checkpoints is intact'),
    (lambda folder: None, ['--checkpoint', 'nowhere'], 'nowhere: not a complete checkpoint'),
    (lambda folder: (folder / 'policy.onnx').mkdir(), [], 'policy.onnx is a folder'),
    (lambda folder: (folder / 'walk').touch(), ['--output', '{run_dir}/walk/policy.onnx'], 'walk: File exists'),
], ids=['no run', 'half a run', 'another configuration', 'damaged checkpoints', 'no such checkpoint', 'a folder',
        'a file for a folder'])
def test_what_cannot_be_exported_is_one_line(
        here: Here, config_dir: Path, run_dir: Path, change: Callable[[Path], object], more: list[str], expected: str) -> None:
    change(run_dir)
    result = here(export.main, options(config_dir, run_dir, *(word.format(run_dir=run_dir) for word in more)))
    assert result.returncode in (1, 2)
    assert result.stderr.startswith('error: ')
    assert result.stderr.count('\n') == 1
    assert expected in result.stderr


def test_a_file_that_acts_otherwise_is_removed(config_dir: Path, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, 'largest_difference', lambda *_: 2e-4)
    arguments = export.parse(['--run-dir', str(run_dir), '--config-dir', str(config_dir)])
    with pytest.raises(export.ExportFailed, match=r'policy.onnx: .* differ from those of PyTorch by 0.0002'):
        export.export(arguments)
    assert not (run_dir / 'policy.onnx').exists()
