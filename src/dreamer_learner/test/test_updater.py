"""Updates that are left out: what is said about them, and when training is given up."""

import math
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from steps import step

from dreamer_learner import saving, session, train_offline
from dreamer_learner.credit import TrainCredit
from dreamer_learner.experience import Experience
from dreamer_learner.settings import Settings
from dreamer_learner.updater import BAD_IN_A_ROW, TrainingFailed, Updater
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.config import ConfigError
from dreamer_learning.replay import LatentSpec, Replay
from dreamer_learning.spaces import load_task
from dreamer_node.runtime import Stop

FILLED, STREAM, BAD = 200, 3, 105


class Rig:
    """An updater whose replay holds steps 0 to 199 of stream 3, changed by `spoil` before each is stored."""

    def __init__(self, config_dir: Path, spoil: Callable[[int, dict[str, Any]], None] = lambda place, row: None) -> None:
        config, task = load_agent(config_dir, 'small', 'tiny', {}), load_task(config_dir, 'reach')
        self.replay = Replay(1000, task, LatentSpec(32, 4), 0, 0)
        for place in range(FILLED):
            one = step(place, STREAM)
            assert one.action is not None
            latent = {name: value[0] for name, value in one.latent.items()}
            state = {'state': one.tensors['state'][0].copy()}
            row: dict[str, Any] = {'obs': state, 'action': one.action[0].copy(), 'reward': 0.1, 'latent': latent}
            spoil(place, row)
            self.replay.add(STREAM, 0, place, is_first=place == 0, is_last=False, is_terminal=False, **row)
        self.agent, self.lines = Agent(config, task, 'cpu', 0), list[str]()
        self.updater = Updater(self.agent, self.replay, self.lines.append, self.lines.append)

    def parameters(self) -> torch.Tensor:
        return torch.cat([value.flatten() for value in self.agent.policy_parameters().values()])


def spoil_reward(place: int, row: dict[str, Any]) -> None:
    if place == BAD:
        row['reward'] = math.nan


def spoil_state(place: int, row: dict[str, Any]) -> None:
    if place == BAD:
        row['obs']['state'][3] = -math.inf


def spoil_latents(place: int, row: dict[str, Any]) -> None:
    row['latent'] = {**row['latent'], 'deter': np.full(32, np.nan, np.float16)}


@pytest.mark.parametrize(('spoil', 'cause'), [
    (spoil_reward, f'reward of step {BAD} of stream {STREAM} is NaN, so that loss/reward is NaN'),
    (spoil_state, f'observation/state of step {BAD} of stream {STREAM} is infinite, so that loss/vector is infinite'),
])
def test_a_bad_batch_is_left_out_and_counted_and_said_once(
        config_dir: Path, spoil: Callable[[int, dict[str, Any]], None], cause: str) -> None:
    rig = Rig(config_dir, spoil)
    left_out = []
    for _ in range(40):
        before = rig.parameters()
        assert rig.updater.update()
        if not rig.updater.sound:
            left_out.append(rig.agent.updates)
            assert torch.equal(rig.parameters(), before)
    assert 1 < len(left_out) == rig.updater.bad < 40
    assert rig.lines == [f'update {left_out[0]} left out: {cause} (counted, not said again)']
    assert rig.parameters().isfinite().all()
    assert all(math.isfinite(value) for value in rig.updater.meters.collect().values())


def test_training_is_given_up_with_the_first_cause(config_dir: Path) -> None:
    rig = Rig(config_dir, spoil_latents)
    cause = rf'context_deter before step \d+ of stream {STREAM} is NaN, so that loss/vector is NaN'
    for _ in range(BAD_IN_A_ROW - 1):
        rig.updater.update()
    text = f'{BAD_IN_A_ROW} updates in a row without a finite loss, at update {BAD_IN_A_ROW}; in the first of them: {cause}$'
    with pytest.raises(TrainingFailed, match=text):
        rig.updater.update()
    assert len(rig.lines) == 1


def test_a_good_update_ends_the_count(config_dir: Path) -> None:
    rig = Rig(config_dir)
    parameter = next(rig.agent.networks.parameters())
    for _ in range(2):
        good = parameter.detach().clone()
        parameter.data.fill_(math.nan)
        for _ in range(BAD_IN_A_ROW - 1):
            rig.updater.update()
        parameter.data.copy_(good)
        rig.updater.update()
        assert rig.updater.sound
    assert rig.updater.bad == 2 * (BAD_IN_A_ROW - 1)


def test_a_gradient_alone_that_is_not_finite_is_named(config_dir: Path) -> None:
    rig = Rig(config_dir)
    next(rig.agent.networks.parameters()).register_hook(lambda gradient: gradient * math.inf)
    rig.updater.update()
    assert rig.updater.bad == 1
    name = next(iter(dict(rig.agent.networks.named_parameters())))
    assert rig.lines[0].startswith('update 1 left out: gradient_norm is ')
    assert f'of a batch without fault; not finite either: the gradient of {name} (' in rig.lines[0]


def parts_of(rig: Rig) -> session.Session:
    experience = Experience(rig.replay, rig.agent.task, LatentSpec(32, 4))
    return session.Session(rig.updater, experience, TrainCredit(0.0, 4, 8, 24), 0, ready=False)


def test_offline_training_names_cause_and_checkpoint(config_dir: Path, tmp_path: Path) -> None:
    rig, saver = Rig(config_dir), saving.Saver(tmp_path)
    parts, writer = parts_of(rig), types.SimpleNamespace(add_scalar=lambda *_: None)
    files = train_offline.Files(saver, 60.0, writer)  # type: ignore[arg-type]
    next(rig.agent.networks.parameters()).data.fill_(math.nan)
    name = next(iter(rig.agent.networks.state_dict()))
    cause = f'in the first of them: loss/dynamics is NaN, of a batch without fault; not finite either: {name}'
    with pytest.raises(TrainingFailed, match=f'{cause}; no checkpoint was written$'):
        train_offline.update(parts, 100, Stop(), files)
    saved = saver.save(parts.state_dict(), 1)
    with pytest.raises(TrainingFailed, match=f'; the last good checkpoint is kept: {saved.text}$'):
        train_offline.update(parts, 100, Stop(), files)


class Beginning:
    """Sessions of the small agent whose runs keep their checkpoints in a folder; `said` and `warned` as they begin."""

    def __init__(self, config_dir: Path, folder: Path) -> None:
        self._config_dir, self._folder = config_dir, folder
        self.said, self.warned = list[str](), list[str]()

    def begin(self, size: str = 'tiny', source: Path | str = '', **networks: Any) -> session.Session:
        settings = Settings(
            run_dir=str(self._folder), device='cpu', seed=0, train_ratio=0.0, limit_environment=False, publish_period=1.0,
            checkpoint_period=60.0, video_period=60.0, threads=1, from_checkpoint=str(source))
        run: Any = types.SimpleNamespace(checkpoints=self._folder)
        config = load_agent(self._config_dir, 'small', size, {'networks': networks})
        task = load_task(self._config_dir, 'reach')
        return session.begin(config, task, settings, run, self.said.append, self.warned.append)


@pytest.fixture
def beginning(config_dir: Path, tmp_path: Path) -> Beginning:
    return Beginning(config_dir, tmp_path / 'new')


@pytest.fixture
def other_run(config_dir: Path, tmp_path: Path) -> Path:
    """Another run's checkpoint."""
    saved = saving.Saver(tmp_path / 'old').save({'weights_version': 0, **parts_of(Rig(config_dir)).state_dict()}, 1)
    return Path(saved.text)


def test_a_session_refuses_the_checkpoint_of_another_agent(config_dir: Path, other_run: Path) -> None:
    beginning = Beginning(config_dir, other_run.parent)
    assert beginning.begin().updater.agent.updates == 0
    with pytest.raises(ConfigError) as caught:
        beginning.begin('wide')
    text = str(caught.value)
    assert text.startswith(f'{other_run}: the checkpoint does not fit: state of configuration ')
    assert '(agent small, size tiny, task reach) does not fit' in text
    assert text.endswith('(agent small, size wide, task reach)')


def test_a_checkpoint_without_a_part_is_refused_by_name(beginning: Beginning, config_dir: Path, tmp_path: Path) -> None:
    path = saving.Saver(tmp_path / 'new').save({'agent': Rig(config_dir).agent.state_dict()}, 1).text
    with pytest.raises(ConfigError, match=f"^{path}: the checkpoint does not fit: 'experience' is missing$"):
        beginning.begin()


def test_a_whole_policy_of_another_run_acts_at_once(beginning: Beginning, other_run: Path) -> None:
    assert beginning.begin(source=other_run).ready
    [line] = [line for line in beginning.said if 'tensors loaded' in line]
    assert line.startswith(f'from_checkpoint: from {other_run} (agent small, size tiny, task reach) for agent small, size tiny, ')
    assert beginning.warned == []


def test_leftovers_of_another_size_are_reported_and_do_not_act(beginning: Beginning, other_run: Path) -> None:
    parts = beginning.begin('wide', other_run)
    assert not parts.ready
    [line] = [line for line in beginning.said if 'tensors loaded' in line]
    assert '(agent small, size tiny, task reach) for agent small, size wide, task reach: ' in line
    for part in ('encoder', 'rssm', 'decoder', 'reward', 'actor', 'critic'):
        assert re.search(rf'\b{part} \d+ of \d+', line), line
    assert ' returns 0 of 1' in line
    [warning] = beginning.warned
    assert warning.startswith(f'from_checkpoint: {other_run} gives no whole policy (encoder, rssm, actor begin anew')
    assert 'explores at random, as from scratch' in warning


def test_an_older_checkpoint_without_names_is_taken_over(
        beginning: Beginning, config_dir: Path, tmp_path: Path) -> None:
    state = Rig(config_dir).agent.state_dict()
    del state['names']
    source = saving.Saver(tmp_path / 'old').save({'agent': state}, 1).text
    assert beginning.begin(source=source).ready
    assert f'from {source} (agent and task not known) for agent small' in beginning.said[-1]


def test_a_checkpoint_of_which_nothing_fits_is_refused(beginning: Beginning, config_dir: Path, tmp_path: Path) -> None:
    state = Rig(config_dir).agent.state_dict()
    state['networks'] = {f'other.{name}': value for name, value in state['networks'].items()}
    source = saving.Saver(tmp_path / 'old').save({'agent': state}, 1).text
    with pytest.raises(ConfigError, match=f'^from_checkpoint: nothing fits from {source} .*agent small.*: 0 of [0-9]+ tensors'):
        beginning.begin(source=source)


def test_the_prediction_shown_is_of_a_window_that_happened(config_dir: Path) -> None:
    rig = Rig(config_dir)
    assert rig.updater.update()
    batch = rig.updater._batch
    assert batch is not None
    batch['mirrored'][:] = True
    batch['mirrored'][1] = False
    shown = rig.updater.predict()
    assert shown is not None
    np.testing.assert_array_equal(shown['state/truth'], batch['observation/state'][1:2].numpy())
