import dataclasses
from pathlib import Path

import numpy as np
import pytest
from steps import step, steps

from dreamer_learner.experience import Experience, Unusable
from dreamer_learning.replay import LatentSpec, Replay, ReplayEmpty
from dreamer_learning.spaces import load_task

LATENT = LatentSpec(32, 4)


@pytest.fixture
def experience(config_dir: Path) -> Experience:
    task = load_task(config_dir, 'reach')
    return Experience(Replay(500, task, LATENT, 0, 8), task, LATENT)


def test_live_steps_are_stored_and_counted(experience: Experience) -> None:
    assert sum(experience.add(item) for item in steps(0, 30)) == 30
    assert experience.add(step(30, envs=3)) == 3
    assert experience.env_steps == 33
    assert experience.position == (1, 30)
    assert len(experience.replay) == 33


def test_recorded_steps_are_read_and_live_ones_bring_only_what_comes_after(experience: Experience) -> None:
    assert experience.restore(steps(0, 40)) == (40, '')
    assert [experience.add(item) for item in steps(35, 45)] == [0] * 5 + [1] * 5
    assert len(experience.replay) == 45
    # One unbroken run over the restart: a window of 45 steps exists.
    assert experience.replay.sample(1, 45)['index'][0].tolist() == list(range(45))


def test_a_recorded_step_that_does_not_fit_is_named_with_its_file(experience: Experience) -> None:
    odd = dataclasses.replace(step(10), tensors={}, source='bags/steps_0001_0.mcap')
    read, reason = experience.restore([*steps(0, 10), odd])
    assert (read, reason) == (10, "bags/steps_0001_0.mcap: stream 1 step 10: tensor 'state' is missing")


def test_recorded_steps_are_not_fresh(experience: Experience, config_dir: Path) -> None:
    experience.restore(steps(0, 400))
    for item in steps(400, 408):
        experience.add(item)
    index = experience.replay.sample(4, 8)['index']
    assert index[0].tolist() == list(range(400, 408))
    assert (index[1:, 0] < 400).any()


def test_a_recorded_step_without_action_breaks_the_run(experience: Experience) -> None:
    items = [dataclasses.replace(item, action=None) if item.step == 20 else item for item in steps(0, 40)]
    assert experience.restore(items) == (39, '')
    assert experience.replay.sample(1, 20)['reward'].shape == (1, 20)
    with pytest.raises(ReplayEmpty):
        experience.replay.sample(1, 21)


def test_what_a_checkpoint_counted_is_stored_again_but_not_counted_again(
    experience: Experience, config_dir: Path
) -> None:
    for item in steps(0, 30):
        experience.add(item)
    task = load_task(config_dir, 'reach')
    again = Experience(Replay(500, task, LATENT, 0, 8), task, LATENT)
    again.load_state_dict(experience.state_dict())
    again.restore([])
    assert [again.add(item) for item in steps(25, 35)] == [0] * 5 + [1] * 5
    assert again.env_steps == 35
    assert len(again.replay) == 10


def test_bags_that_know_more_than_the_checkpoint_count(experience: Experience, config_dir: Path) -> None:
    for item in steps(0, 30):
        experience.add(item)
    task = load_task(config_dir, 'reach')
    again = Experience(Replay(500, task, LATENT, 0, 8), task, LATENT)
    again.load_state_dict(experience.state_dict())
    again.restore(steps(0, 50))
    assert again.env_steps == 50


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ({'tensors': {}}, "tensor 'state' is missing"),
        ({'tensors': {'state': np.zeros((1, 4), np.float32)}}, r'float32 \[1, 4\], the task says float32 \[1, 5\]'),
        ({'tensors': {'state': np.zeros((1, 5), np.uint8)}}, r'uint8 \[1, 5\]'),
        ({'tensors': {'state': np.full((1, 5), np.nan, np.float32)}}, "'state' holds NaN"),
        ({'reward': np.array([np.inf], np.float32)}, 'reward is NaN or infinite'),
        ({'action': np.zeros((1, 3), np.float32)}, r'action has shape \(1, 3\), the task says \(1, 2\)'),
        ({'action': np.full((1, 2), np.nan, np.float32)}, 'action holds NaN'),
    ],
)
def test_what_does_not_fit_is_left_out_and_breaks_the_run(experience: Experience, change: dict, text: str) -> None:
    for item in steps(0, 10):
        experience.add(item)
    with pytest.raises(Unusable, match=f'stream 1 step 10: .*{text}'):
        experience.add(dataclasses.replace(step(10), **change))
    for item in steps(11, 21):
        experience.add(item)
    assert (experience.refused, experience.env_steps) == (1, 20)
    with pytest.raises(ReplayEmpty):
        experience.replay.sample(1, 11)


@pytest.mark.parametrize(('size', 'value'), [(7, 1.0), (32, np.nan), (32, np.inf)])
def test_a_latent_of_another_shape_or_not_finite_is_dropped(experience: Experience, size: int, value: float) -> None:
    odd = {'deter': np.full((1, size), value, np.float16), 'stoch': np.ones((1, 4), np.uint8)}
    experience.add(dataclasses.replace(step(0), latent=odd, is_first=np.zeros(1, bool)))
    for item in steps(1, 3):
        experience.add(item)
    sample = experience.replay.sample(50, 2)
    assert not sample['context_valid'].any()
