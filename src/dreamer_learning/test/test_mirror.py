import dataclasses
import re

import numpy as np
import pytest
from learning_toys import CONFIG_DIR

from dreamer_learning.agent_config import LatentSpec
from dreamer_learning.config import ConfigError
from dreamer_learning.mirror import Mirror
from dreamer_learning.replay import Replay
from dreamer_learning.spaces import ActionSpec, MirrorSpec, Task, TensorSpec, load_task

SEEN = {'pose': TensorSpec((3,)), 'feet': TensorSpec((2, 2)), 'camera': TensorSpec((4, 6, 3), 'uint8')}
SIDES = {'pose': MirrorSpec(((0, 2),), (1, 2)), 'feet': MirrorSpec(((0, 2), (1, 3)), (3,)), 'action': MirrorSpec(((0, 1),), (1,))}
TASK = Task('toy', 20.0, 10, 'toy', SEEN, ActionSpec(2), mirror=SIDES)


def filled(task: Task, mirrored: float, steps: int = 60) -> Replay:
    replay, rng = Replay(100, task, LatentSpec(4, 2), mirrored=mirrored), np.random.default_rng(0)
    latent = {'deter': np.ones(4, np.float16), 'stoch': np.ones(2, np.uint8)}
    for step in range(steps):
        seen = {'pose': np.array([step, 100 + step, 200 + step], np.float32),
                'feet': np.array([[step, 50 + step], [60 + step, 70 + step]], np.float32),
                'camera': rng.integers(0, 256, (4, 6, 3)).astype(np.uint8)}
        action = step % 3 if task.action.discrete else np.array([step, 300 + step], np.float32)
        replay.add(1, 0, step, seen, action, float(step), False, False, False, latent)
    return replay


def test_mirrored_windows_show_the_same_steps_turned_around() -> None:
    replay = filled(TASK, 0.5)
    batch = replay.sample(200, 5)
    turned = batch['mirrored']
    assert 60 < turned.sum() < 140
    plain = filled(TASK, 0.0)._gather(batch['index'])
    for key, order, signs in [
        ('observation/pose', [2, 1, 0], [1, -1, -1]), ('action', [1, 0], [1, -1]), ('previous_action', [1, 0], [1, -1]),
    ]:
        np.testing.assert_array_equal(batch[key][~turned], plain[key][~turned])
        np.testing.assert_array_equal(batch[key][turned], plain[key][turned][..., order] * signs)
    feet = plain['observation/feet'][turned]
    np.testing.assert_array_equal(batch['observation/feet'][turned], feet[..., ::-1, :] * [[1, 1], [1, -1]])
    np.testing.assert_array_equal(batch['observation/camera'][turned], plain['observation/camera'][turned][..., ::-1, :])
    np.testing.assert_array_equal(batch['observation/camera'][~turned], plain['observation/camera'][~turned])


def test_a_mirrored_window_begins_as_an_episode_does_and_leaves_no_latents() -> None:
    replay = filled(TASK, 0.5)
    batch = replay.sample(100, 5)
    turned = batch['mirrored']
    assert batch['is_first'][turned, 0].all()
    assert not batch['is_first'][turned, 1:].any()
    assert not batch['is_first'][~turned].any()
    assert not batch['context_valid'][turned].any()
    replay.update_latents(batch['index'], turned, np.full((100, 5, 4), 7.0), np.full((100, 5, 2), 3))
    touched = set(batch['index'][~turned].ravel().tolist())
    stored = replay._rows.read(('deter',), np.arange(60))['deter'][:, 0]
    assert {row for row in range(60) if stored[row] == 7} == touched


def test_choices_change_places() -> None:
    task = dataclasses.replace(TASK, action=ActionSpec(3, True), mirror={**SIDES, 'action': MirrorSpec(((0, 2),))})
    batch = filled(task, 1.0).sample(50, 4)
    np.testing.assert_array_equal(batch['action'], 2 - batch['reward'].astype(int) % 3)
    assert batch['action'].dtype == np.int32


def test_a_task_without_left_and_right_has_no_mirror() -> None:
    batch = filled(dataclasses.replace(TASK, mirror={}), 0.5).sample(50, 5)
    assert not batch['mirrored'].any()


@pytest.mark.parametrize('name', ['a1_walk', 'a1_walk_camera'])
def test_twice_in_the_mirror_is_as_before(name: str) -> None:
    task = load_task(CONFIG_DIR, name)
    mirror = Mirror.of(task)
    assert mirror is not None
    rng = np.random.default_rng(0)
    batch = {f'observation/{key}': rng.integers(0, 256, (3, 5, *spec.shape)).astype(spec.dtype)
             for key, spec in task.observation.items()}
    batch |= {'action': rng.normal(size=(3, 5, 12)), 'previous_action': rng.normal(size=(3, 12)),
              'is_first': np.zeros((3, 5), bool), 'context_valid': np.ones(3, bool)}
    before = {key: value.copy() for key, value in batch.items()}
    chosen = np.array([True, False, True])
    mirror.apply(batch, chosen)
    for key in [key for key in batch if key.startswith('observation') or 'action' in key]:
        assert (batch[key][0] != before[key][0]).any()
        assert (batch[key][1] == before[key][1]).all()
    mirror.apply(batch, chosen)
    for key in [key for key in batch if key.startswith('observation') or 'action' in key]:
        np.testing.assert_array_equal(batch[key], before[key])


@pytest.mark.parametrize(('mirror', 'text'), [
    ({'action': MirrorSpec(), 'feet': MirrorSpec()}, "missing key 'pose'; {} where nothing of it changes"),
    ({**SIDES, 'camera': MirrorSpec()}, "unknown key 'camera'"),
    ({**SIDES, 'pose': MirrorSpec(((0, 3),))}, 'pose: swap: index 3 is not allowed; 0 to 2'),
    ({**SIDES, 'pose': MirrorSpec(((0, 1), (1, 2)))}, 'pose: swap: index 1 is there twice'),
    ({**SIDES, 'action': MirrorSpec((), (-1,))}, 'action: negate: index -1 is not allowed; 0 to 1'),
])
def test_a_mirror_that_does_not_fit_is_named(mirror: dict, text: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f'mirror: {text}')):
        dataclasses.replace(TASK, mirror=mirror)


def test_choices_have_no_sign() -> None:
    with pytest.raises(ConfigError, match='mirror: action: negate: choices have no sign'):
        dataclasses.replace(TASK, action=ActionSpec(3, True))
