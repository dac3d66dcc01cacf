import dataclasses
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from conftest import Here
from peers import Learner, Peers, Recorder
from steps import steps

from dreamer_learner import train_offline
from dreamer_learner.credit import TrainCredit
from dreamer_learner.experience import Experience
from dreamer_learner.session import Session
from dreamer_learner.train_offline import read_bags
from dreamer_learner.updater import Updater
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.checkpoint import load_latest
from dreamer_learning.replay import Replay
from dreamer_learning.spaces import load_task
from dreamer_node.wire import CompleteStep
from dreamer_recorder.reader import read_steps

COMMAND = [sys.executable, '-u', '-c', 'import sys; from dreamer_learner.main import train_offline; sys.exit(train_offline())']


def options(config_dir: Path, run_dir: Path, recorded: Path, **more: object) -> list[str]:
    values = {'config-dir': config_dir, 'run-dir': run_dir, 'bags': recorded, 'task': 'reach', 'agent': 'small', 'size': 'tiny',
              'threads': 1, 'updates': 30, **more}
    return [word for name, value in values.items() for word in (f'--{name}', str(value))]


def arguments(*given: Path, **more: object) -> list[str]:
    return [*COMMAND, *options(*given, **more)]


def train(*given: Path, **more: object) -> subprocess.CompletedProcess:
    return subprocess.run(arguments(*given, **more), capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture
def peers() -> Iterator[Peers]:
    peers = Peers()
    yield peers
    peers.close()


def record(folder: Path, items: list[CompleteStep]) -> Path:
    """Bags with these steps, as a recorder writes them."""
    peers = Peers()
    with Recorder(folder, peers.namespace) as recorder:
        peers.wait_for_readers()
        peers.send(items)
        peers.wait(lambda: len(list(read_steps(folder / 'bags'))) == len(items))
        assert recorder.end(signal.SIGINT) == 0
    peers.close()
    return folder / 'bags'


@pytest.fixture(scope='module')
def bags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 steps."""
    return record(tmp_path_factory.mktemp('recorded') / 'run', list(steps(0, 60)))


def test_trains_from_bags_alone_and_goes_on_with_the_robot(
        config_dir: Path, tmp_path: Path, bags: Path, peers: Peers) -> None:
    run_dir = tmp_path / 'a run'
    first = train(config_dir, run_dir, bags)
    assert (first.returncode, first.stderr) == (0, '')
    assert 'read 60 steps' in first.stdout
    assert '30 updates' in first.stdout
    second = train(config_dir, run_dir, bags, updates=5)
    assert second.returncode == 0
    loaded = load_latest(run_dir / 'checkpoints')
    assert loaded is not None
    assert loaded.payload['agent']['updates'] == 35
    assert list((run_dir / 'tensorboard').glob('events.*'))
    with Learner(config_dir, run_dir, peers.namespace) as learner:
        # Before any step: the policy that the robot begins with. The recorded steps count: it does not explore anew.
        peers.wait(lambda: bool(peers.weights))
        assert peers.weights[0].updates >= 35
        assert peers.weights[0].env_steps == 60
        assert learner.end(signal.SIGTERM) == 0


def test_recorded_steps_are_drawn_evenly(config_dir: Path, bags: Path) -> None:
    config, task = load_agent(config_dir, 'small', 'tiny', {'replay': {'recent': 10}}), load_task(config_dir, 'reach')
    memory = Replay.of(config, task, 0)
    credit = TrainCredit(1.0, config.replay.batch, config.replay.length, config.replay.start)
    updater = Updater(Agent(config, task), memory, pytest.fail, pytest.fail)
    assert memory.recent == 10
    read_bags(Session(updater, Experience(memory, task, config.latent_spec), credit, 0, ready=False), [bags])
    assert len(memory) == 60
    assert memory.recent == 0


def test_two_processes_train_one_agent(config_dir: Path, tmp_path: Path, bags: Path) -> None:
    torchrun = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2', '--no-python']
    command = [*torchrun, *arguments(config_dir, tmp_path / 'run', bags)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('30 updates') == 1
    loaded = load_latest(tmp_path / 'run' / 'checkpoints')
    assert loaded is not None
    assert loaded.payload['agent']['updates'] == 30


def test_an_interrupted_training_is_saved(config_dir: Path, tmp_path: Path, bags: Path) -> None:
    command = arguments(config_dir, tmp_path / 'run', bags, updates=10**9)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if 'updates' in line:
                process.send_signal(signal.SIGINT)
                break
        process.communicate(timeout=600)
    assert process.returncode == 0
    loaded = load_latest(tmp_path / 'run' / 'checkpoints')
    assert loaded is not None
    assert loaded.payload['agent']['updates'] > 0


@pytest.mark.parametrize(('more', 'expected'), [
    ({'bags': '/nowhere'}, '--bags: /nowhere is not a folder'),
    ({'task': 'far'}, 'the task says float32 [1, 7]'),
    ({'updates': 0}, '--updates 0: at least 1'),
    ({'seed': 99999999999999999999}, 'parameter seed: 99999999999999999999 is not allowed; at least 0 and at most 4294967295'),
    ({'device': 'meta'}, "parameter device: 'meta' cannot be used"),
    ({'task': 'reech'}, "did you mean 'reach'?"),
    ({'from-checkpoint': '/nowhere'}, 'from_checkpoint: /nowhere'),
])
def test_what_cannot_be_trained_is_one_line(
        here: Here, config_dir: Path, tmp_path: Path, bags: Path, more: dict[str, object], expected: str) -> None:
    # A task that sees something else than what was recorded.
    (config_dir / 'tasks' / 'far.yaml').write_text((config_dir / 'tasks' / 'reach.yaml').read_text().replace('- 5', '- 7'))
    result = here(train_offline.main, options(config_dir, tmp_path / 'run', bags, **more))
    assert result.returncode == 2
    assert expected in result.stderr
    assert result.stderr.startswith('error: ')
    assert result.stderr.count('\n') == 1


@pytest.mark.parametrize('wrong', [{'bags': '/nowhere'}, {'device': 'cuda:77'}])
def test_a_start_that_failed_does_not_keep_the_folder(
        here: Here, config_dir: Path, tmp_path: Path, bags: Path, wrong: dict[str, object]) -> None:
    run_dir = tmp_path / 'run'
    assert here(train_offline.main, options(config_dir, run_dir, bags, size='wide', **wrong)).returncode == 2
    assert [path.name for path in run_dir.iterdir()] == ['.learner.lock']
    mended = train(config_dir, run_dir, bags, updates=1)
    assert (mended.returncode, mended.stderr) == (0, '')
    assert yaml.safe_load((run_dir / 'run.yaml').read_text())['size'] == 'tiny'


def test_a_bag_without_a_tensor_of_the_task_is_named(here: Here, config_dir: Path, tmp_path: Path, bags: Path) -> None:
    renamed = [dataclasses.replace(item, tensors={'pose': item.tensors['state']}) for item in steps(0, 20, stream=2)]
    other = record(tmp_path / 'other', renamed)
    [file] = other.rglob('*.mcap')
    reason = f"{file}: stream 2 step 0: tensor 'state' is missing"
    beside = [*arguments(config_dir, tmp_path / 'run', bags, updates=1), '--bags', str(other)]
    result = subprocess.run(beside, capture_output=True, text=True, timeout=600, check=False)
    assert (result.returncode, result.stderr) == (0, '')
    assert f'20 recorded steps left out, the first because of {reason}\n' in result.stdout
    alone = here(train_offline.main, options(config_dir, tmp_path / 'second', other))
    assert (alone.returncode, alone.stderr) == (
        2, f'error: --bags: {other}: no recorded step that fits the task; {reason}\n')


def test_too_short_a_recording_is_one_line(here: Here, config_dir: Path, tmp_path: Path) -> None:
    recorded = record(tmp_path / 'short', list(steps(0, 5)))
    result = here(train_offline.main, options(config_dir, tmp_path / 'run', recorded))
    assert result.returncode == 2
    assert 'but no 8 in a row; record longer' in result.stderr
