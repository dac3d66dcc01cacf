"""evaluate.launch.py: a run's policy acts, nothing learns."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import System

from dreamer_learning import checkpoint
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.export import Origin, export_policy
from dreamer_learning.spaces import load_task
from dreamer_recorder.reader import read_steps

NAMES = {'agent': 'quick', 'size': 'cpu', 'task': 'a1_walk', 'robot': 'a1'}


@pytest.fixture
def run_dir(tmp_path: Path, own_config: Path) -> Path:
    """A run with one checkpoint, in a path with a space."""
    folder = tmp_path / 'a run'
    (folder / 'checkpoints').mkdir(parents=True)
    agent = Agent(load_agent(own_config, 'quick', 'cpu'), load_task(own_config, 'a1_walk'))
    agent.updates = 12
    checkpoint.save(folder / 'checkpoints' / checkpoint.name(agent.updates), {'agent': agent.state_dict()})
    (folder / 'run.yaml').write_text(yaml.safe_dump(NAMES))
    return folder


def test_counts_whole_episodes_of_the_policy(start: Callable[..., System], run_dir: Path, own_config: Path) -> None:
    system = start('evaluate.launch.py', run_dir=run_dir, episodes=2, config_dir=own_config)
    assert system.wait(300) == 0, system.output
    assert '2 episodes with the policy of 12 updates' in system.output
    [folder] = (run_dir / 'evaluations').iterdir()
    numbers = yaml.safe_load((folder / 'evaluation.yaml').read_text())
    assert [row['steps'] for row in numbers['all']] == [249, 249]
    assert numbers['checkpoint'] == str(run_dir / 'checkpoints' / checkpoint.name(12))
    assert (numbers['agent'], numbers['size'], numbers['task'], numbers['updates']) == ('quick', 'cpu', 'a1_walk', 12)
    assert numbers['mean'] == pytest.approx(sum(row['return'] for row in numbers['all']) / 2)
    # On its back the robot earns about 5 in each step.
    assert 4.0 < numbers['reward_per_step'] < 14.0
    versions = {step.weights_version for step in read_steps(folder / 'bags')}
    assert versions - {0}
    assert not (run_dir / 'bags').exists()


def write_policy(config: Path, path: Path, size: str = 'cpu', updates: int = 12) -> Agent:
    """A policy file of an agent with other parameters than the run's."""
    task = load_task(config, 'a1_walk')
    agent = Agent(load_agent(config, 'quick', size), task, seed=1)
    export_policy(agent.config, task, agent.policy_parameters(), Origin('a1_walk', updates, 0, 77), path)
    return agent


def test_a_policy_file_acts_in_its_place(start: Callable[..., System], run_dir: Path, own_config: Path) -> None:
    agent = write_policy(own_config, run_dir / 'policy.onnx', updates=34)
    system = start('evaluate.launch.py', run_dir=run_dir, episodes=1, config_dir=own_config, runtime='onnx')
    assert system.wait(300) == 0, system.output
    assert 'actor ready: quick cpu of 34 updates, policy.onnx, eval' in system.output
    assert '1 episodes with the policy of 34 updates' in system.output
    assert f'{run_dir}/policy.onnx has 34 updates, the newest checkpoint' in system.output
    [folder] = (run_dir / 'evaluations').iterdir()
    assert {step.weights_version for step in read_steps(folder / 'bags') if step.action is not None} == {77}
    numbers = yaml.safe_load((folder / 'evaluation.yaml').read_text())
    assert {key: numbers[key] for key in ('policy_file', 'agent', 'size', 'task', 'config_hash', 'updates')} == {
        'policy_file': str(run_dir / 'policy.onnx'), 'agent': 'quick', 'size': 'cpu', 'task': 'a1_walk',
        'config_hash': agent.config.hash(agent.task), 'updates': 34}


def test_a_policy_file_of_another_configuration_is_refused(
        start: Callable[..., System], run_dir: Path, own_config: Path) -> None:
    path = own_config / 'agents' / 'quick.yaml'
    content = yaml.safe_load(path.read_text())
    content['sizes']['small'] = {**content['sizes']['cpu'], 'networks': {**content['sizes']['cpu']['networks'], 'units': 32}}
    path.write_text(yaml.safe_dump(content))
    write_policy(own_config, run_dir / 'policy.onnx', 'small')
    system = start('evaluate.launch.py', run_dir=run_dir, config_dir=own_config, runtime='onnx')
    assert system.wait(180) != 0
    [line] = [line for line in system.lines if 'error: policy_file' in line]
    assert re.search(r'a run/policy.onnx is of configuration \w+ \(agent quick, size small, task a1_walk\), '
                     r'the run .*a run of \w+ \(agent quick, size cpu, task a1_walk\)', line)
    assert not list(run_dir.glob('evaluations/*/evaluation.yaml'))


@pytest.mark.parametrize(('change', 'arguments', 'expected'), [
    (lambda folder: (folder / 'run.yaml').unlink(), {}, 'has no run.yaml'),
    (lambda folder: (folder / 'run.yaml').write_text('agent: quick\n'), {}, "key 'size' is missing"),
    (lambda folder: None, {'episodes': 0}, 'int of at least 1'),
    (lambda folder: None, {'runtime': 'onnx'}, "a run/policy.onnx'; ros2 run dreamer_learner export writes one"),
    (lambda folder: (folder / 'policy.onnx').write_bytes(b'cut short'), {'runtime': 'onnx'}, 'is not a whole ONNX file'),
    (lambda folder: next((folder / 'checkpoints').iterdir()).unlink(), {}, 'has no checkpoint yet'),
    (lambda folder: next((folder / 'checkpoints').iterdir()).write_bytes(b'cut short'), {},
     'none of the 1 checkpoints is intact'),
], ids=['no run', 'half a run', 'no episodes', 'no policy file', 'damaged policy file', 'no checkpoint', 'damaged checkpoint'])
def test_what_cannot_be_evaluated_is_one_line(
        start: Callable[..., System], run_dir: Path, own_config: Path, change: Callable[[Path], None],
        arguments: dict[str, object], expected: str) -> None:
    change(run_dir)
    system = start('evaluate.launch.py', run_dir=run_dir, config_dir=own_config, **arguments)
    assert system.wait(180) != 0
    assert expected in system.output
    # What was still starting may be interrupted anywhere: only who says it has to do so in one line.
    sources = re.findall(rf'^(\[[\w.]+-\d+\] )?.*{re.escape(expected)}', system.output, re.MULTILINE)
    assert not [line for line in system.lines if line.startswith(tuple(sources)) and 'Traceback' in line]
