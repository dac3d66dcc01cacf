import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import yaml
from peers import Learner, NodeProcess, Peers, Recorder
from steps import steps

from dreamer_learning import weights
from dreamer_learning.agent_config import load_agent
from dreamer_learning.checkpoint import load_latest
from dreamer_learning.policy import Policy
from dreamer_learning.spaces import load_task


@pytest.fixture
def make_peers() -> Iterator[Callable[[], Peers]]:
    """Makes peers of a learner; all are closed."""
    with contextlib.ExitStack() as stack:
        def make() -> Peers:
            peers = Peers()
            stack.callback(peers.close)
            return peers
        yield make


@pytest.fixture
def peers(make_peers: Callable[[], Peers]) -> Peers:
    return make_peers()


def test_learns_publishes_saves_on_sigterm_and_resumes(config_dir: Path, tmp_path: Path, peers: Peers) -> None:
    run_dir = tmp_path / 'run'
    with (
        Recorder(run_dir, peers.namespace) as recorder,
        Learner(config_dir, run_dir, peers.namespace) as learner,
    ):
        peers.wait_for_readers(2)
        peers.send(steps(0, 60))
        peers.wait(lambda: len(peers.weights) >= 3 and peers.env_steps() == 60)
        saved = peers.save_checkpoint()
        assert saved.success
        assert Path(saved.message).is_file()
        assert learner.end(signal.SIGTERM) == 0
        assert recorder.end(signal.SIGINT) == 0
    versions = [message.version for message in peers.weights]
    assert versions == sorted(set(versions))
    config, task = load_agent(config_dir, 'small', 'tiny', {}), load_task(config_dir, 'reach')
    assert {message.config_hash for message in peers.weights} == {config.hash(task)}
    Policy(config, task, 'cpu', 0).load(weights.parse(bytes(peers.weights[-1].data)))
    assert peers.metric('gaps') == 0
    assert peers.metric('loss') > 0
    assert yaml.safe_load((run_dir / 'run.yaml').read_text()) == {
        'agent': 'small', 'size': 'tiny', 'task': 'reach', 'robot': 'box', 'reward': 'none', 'episode_length': 20,
        'control_rate': 50.0, 'joints': [], 'action_range': {}, 'config_hash': config.hash(task),
    }

    updates = peers.weights[-1].updates
    peers.weights.clear()
    peers.metrics.clear()
    with Learner(config_dir, run_dir, peers.namespace) as learner:
        # The policy is there before any training: what an actor that starts again needs. The last 50 steps come again
        # over the topics, and all of them from the bags: each counts once.
        peers.wait(lambda: bool(peers.weights) and peers.env_steps() == 60)
        assert peers.weights[0].updates >= updates
        assert peers.weights[0].version > versions[-1]
        assert peers.metric('replay_size') == 60
        peers.send(steps(60, 80))
        peers.wait(lambda: peers.env_steps() == 80)
        assert peers.metric('replay_size') == 80
        assert peers.metric('gaps') == 0
        assert learner.end(signal.SIGINT) == 0


def test_a_new_run_begins_with_the_weights_of_another(
        config_dir: Path, tmp_path: Path, make_peers: Callable[[], Peers]) -> None:
    peers = make_peers()
    with Learner(config_dir, tmp_path / 'old', peers.namespace) as learner:
        peers.wait_for_readers()
        peers.send(steps(0, 40))
        peers.wait(lambda: len(peers.weights) >= 2)
        assert learner.end(signal.SIGTERM) == 0
    parameters = {'from_checkpoint': tmp_path / 'old'}
    # Others, who have not kept the steps: with those it would train, and publish again, at once.
    peers = make_peers()
    with Learner(config_dir, tmp_path / 'new', peers.namespace, **parameters) as learner:
        # Before any step: an actor can use them at once.
        peers.wait(lambda: bool(peers.weights))
        first = peers.weights[0]
        assert first.updates == 0
        peers.wait_for_readers()
        peers.send(steps(40, 80, stream=2))
        peers.wait(lambda: peers.weights[-1].updates > 0)
        assert learner.end(signal.SIGTERM) == 0
    assert 'tensors loaded' in learner.log.read_text()
    payload = load_latest(tmp_path / 'old' / 'checkpoints').payload
    learned = payload['agent']['networks']['model.encoder.mlp.layers.0.weight']
    torch.testing.assert_close(weights.parse(bytes(first.data))['encoder.mlp.layers.0.weight'], learned)
    with Learner(config_dir, tmp_path / 'new', peers.namespace, **parameters) as learner:
        peers.wait(lambda: 'learner ready' in learner.log.read_text())
        peers.weights.clear()
        peers.wait(lambda: bool(peers.weights))
        assert learner.end(signal.SIGTERM) == 0
    assert 'from_checkpoint is not used' in learner.log.read_text()


def test_limits_the_environment_in_lockstep_with_the_train_ratio(config_dir: Path, tmp_path: Path, peers: Peers) -> None:
    parameters = {'train_ratio': 16.0, 'limit_environment': 'true'}
    with Learner(config_dir, tmp_path / 'run', peers.namespace, **parameters) as learner:
        peers.wait_for_readers()
        # Nothing is allowed before it is known which steps the stream has come to.
        peers.send(steps(0, 1))
        peers.wait(lambda: peers.limits == [24])
        peers.send(steps(1, 24))
        peers.wait(lambda: peers.limits[-1] == 26)
        peers.send(steps(24, 26))
        peers.wait(lambda: peers.limits[-1] == 28)
        # A gap does not stop the run: what came after it counts without waiting for the rest of a window.
        peers.send(steps(27, 28))
        peers.wait(lambda: peers.limits[-1] > 28)
        peers.wait(lambda: peers.metric('gaps') == 1)
        assert peers.save_checkpoint().success
        learner.end(signal.SIGKILL)
    # A killed learner stays listed as a publisher for a while, and its last weights may still arrive: its successor works
    # all the same.
    with Learner(config_dir, tmp_path / 'run', peers.namespace, **parameters) as learner:
        peers.wait(lambda: 'learner ready' in learner.log.read_text())
        peers.weights.clear()
        peers.wait(lambda: bool(peers.weights))
        peers.wait(lambda: peers.env_steps() == 27)
        assert learner.end(signal.SIGINT) == 0


def test_a_second_learner_ends_with_a_clear_error(config_dir: Path, tmp_path: Path, peers: Peers) -> None:
    with Learner(config_dir, tmp_path / 'run', peers.namespace) as first:
        peers.wait(lambda: len(peers.metrics) > 0)
        with (
            Learner(config_dir, tmp_path / 'run', peers.namespace) as same_folder,
            Learner(config_dir, tmp_path / 'other', peers.namespace) as same_namespace,
        ):
            assert same_folder.end() == 2
            assert 'is used by another learner' in same_folder.log.read_text()
            assert same_namespace.end() == 2
            assert f'another learner publishes {peers.namespace}/policy_weights' in same_namespace.log.read_text()
        assert first.end(signal.SIGINT) == 0


@pytest.mark.parametrize(('parameters', 'text'), [
    ({'task': 'reech'}, "did you mean 'reach'?"),
    ({'from_checkpoint': '/nowhere'}, 'from_checkpoint: /nowhere'),
    ({'seed': 2**32}, 'parameter seed: 4294967296 is not allowed; at least 0 and at most 4294967295'),
    ({'device': 'meta'}, "parameter device: 'meta' cannot be used"),
    ({'robot': 'ball'}, "robot 'ball' and task 'reach' do not fit: that task is for robot 'box'"),
])
def test_a_wrong_parameter_is_one_line_and_exit_code_2(
    config_dir: Path, tmp_path: Path, parameters: dict[str, object], text: str
) -> None:
    with Learner(config_dir, tmp_path / 'run', '/learner_errors', **parameters) as learner:
        assert learner.end() == 2
    lines = learner.log.read_text().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith('error: ')
    assert text in lines[0]


def test_a_start_that_failed_does_not_keep_the_folder(config_dir: Path, tmp_path: Path, peers: Peers) -> None:
    run_dir = tmp_path / 'run'
    with Learner(config_dir, run_dir, peers.namespace, size='wide', device='cuda:77') as learner:
        assert learner.end() == 2
    with Learner(config_dir, run_dir, peers.namespace) as learner:
        peers.wait(lambda: 'learner ready' in learner.log.read_text())
        assert yaml.safe_load((run_dir / 'run.yaml').read_text())['size'] == 'tiny'
        assert learner.end(signal.SIGTERM) == 0


def test_a_folder_that_cannot_be_made_now_is_one_line_and_exit_code_1(config_dir: Path, tmp_path: Path) -> None:
    # In /proc no folder can be made, whoever asks; it is not the path that is wrong.
    parameters = {'config_dir': config_dir, 'task': 'reach', 'agent': 'small', 'size': 'tiny', 'run_dir': '/proc/run'}
    with NodeProcess('dreamer_learner.node', tmp_path, '/learner_errors', **parameters) as learner:
        assert learner.end() == 1
    assert learner.log.read_text() == 'error: /proc/run: No such file or directory\n'
