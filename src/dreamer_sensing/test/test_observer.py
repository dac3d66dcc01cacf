"""The whole of sensing without ROS."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dog import STANDING

from dreamer_learning.config import ConfigError
from dreamer_learning.robots import ActionRange, joint_ranges
from dreamer_learning.spaces import Task, TensorSpec, load_task
from dreamer_node.refusals import Refused
from dreamer_sensing.observer import Observer
from dreamer_sensing.reading import SensorReading
from dreamer_sensing.settings import SensingConfig, load_sensing

BACK = (1.0, 0.0, 0.0, 0.0)
UPRIGHT = (0.0, 0.0, 0.0, 1.0)


@pytest.fixture
def observer(task: Task, settings: tuple[SensingConfig, Path]) -> Observer:
    return Observer(task, *settings)


def reading(
    time: float, orientation: Sequence[float] = BACK, position: np.ndarray = STANDING, **more: Any
) -> SensorReading:
    return SensorReading(
        time, position, np.zeros(12), np.zeros(12), orientation, np.array([0.1, 0.2, 0.3]), np.array([0, 0, 9.81]), **more
    )


def test_lying_on_the_back(observer: Observer) -> None:
    first, second = observer.step(reading(0.0)), observer.step(reading(0.05))
    assert (first.step, first.is_first, first.reward) == (0, True, 0.0)
    assert (second.step, second.is_first) == (1, False)
    assert second.reward == pytest.approx(5.0)
    assert first.stream == second.stream
    assert list(second.tensors) == ['proprioception']
    expected = np.array([*STANDING, math.pi, 0.0, 0.1, 0.2], np.float32)
    np.testing.assert_allclose(second.tensors['proprioception'], expected[None], atol=1e-6)
    assert second.tensors['proprioception'].dtype == np.float32


def test_separate_values_are_the_same_as_a_reading(task: Task, settings: tuple[SensingConfig, Path]) -> None:
    given = reading(0.0, UPRIGHT)
    values = [getattr(given, field.name) for field in dataclasses.fields(given)]
    one, other = Observer(task, *settings, stream=1).observe(*values), Observer(task, *settings, stream=1).step(given)
    assert (one.stamp, one.step, one.parts) == (other.stamp, other.step, other.parts)
    np.testing.assert_array_equal(one.tensors['proprioception'], other.tensors['proprioception'])


def test_pseudo_episodes_have_zero_reward_at_their_first_step(observer: Observer) -> None:
    steps = [observer.step(reading(0.05 * k)) for k in range(502)]
    assert [step.step for step in steps if step.is_first] == [0, 250, 500]
    assert [step.step for step in steps if step.is_last] == [249, 499]
    assert [step.step for step in steps if step.reward == 0.0] == [0, 250, 500]
    assert not any(step.is_terminal for step in steps)
    assert steps[250].parts['upright'] == 0.0


@pytest.mark.parametrize(('gap', 'cut'), [
    (0.05, False), (0.124, False), (0.126, True), (10.0, True), (-0.01, True), (-5.0, True),
])
def test_gaps_and_jumps_cut(observer: Observer, gap: float, cut: bool) -> None:
    observer.step(reading(20.0))
    observer.step(reading(20.05))
    result = observer.step(reading(20.05 + gap))
    assert result.is_first is cut
    assert result.step == 2
    assert (result.reward == 0.0) is cut
    assert observer.cuts == int(cut)


def test_an_explicit_cut(observer: Observer) -> None:
    observer.step(reading(0.0))
    observer.step(reading(0.05))
    observer.cut()
    assert observer.step(reading(0.1)).is_first
    assert not observer.step(reading(0.15)).is_first


def test_an_action_that_was_not_carried_out_cuts_but_the_velocity_goes_on(observer: Observer) -> None:
    falling = dataclasses.replace(reading(0.0), specific_force=np.zeros(3))
    steps = []
    for k in range(5):
        steps.append(observer.step(dataclasses.replace(falling, time=0.05 * k)))
        observer.execution.command(observer.stream, k, active=k not in (1, 2))
    assert [step.is_first for step in steps] == [True, False, True, True, False]
    assert [step.step for step in steps] == [0, 1, 2, 3, 4]
    assert (observer.cuts, observer.execution.refused) == (2, 2)
    assert steps[2].velocity[2] < steps[1].velocity[2] < 0.0


def test_a_cut_forgets_the_velocity(observer: Observer) -> None:
    falling = dataclasses.replace(reading(0.0), specific_force=np.zeros(3))
    observer.step(falling)
    assert observer.step(dataclasses.replace(falling, time=0.05)).velocity[2] < -0.1
    observer.cut()
    assert observer.step(dataclasses.replace(falling, time=0.1)).velocity[2] == 0.0


def test_readings_between_steps_are_followed(task: Task, settings: tuple[SensingConfig, Path]) -> None:
    # Free fall, 50 ms: integrated the same whether in one piece or in five.
    falling: dict[str, Any] = {'specific_force': np.zeros(3)}
    coarse, fine = Observer(task, *settings), Observer(task, *settings)
    coarse.step(dataclasses.replace(reading(0.0), **falling))
    fine.step(dataclasses.replace(reading(0.0), **falling))
    for k in range(1, 5):
        fine.track(dataclasses.replace(reading(0.01 * k), **falling))
    coarse_step = coarse.step(dataclasses.replace(reading(0.05), **falling))
    fine_step = fine.step(dataclasses.replace(reading(0.05), **falling))
    assert (coarse_step.step, fine_step.step) == (1, 1)
    # Means over the window: of 0 and 1 times, or of 0 to 5 fifths of, g 50 ms.
    assert coarse_step.velocity[2] == pytest.approx(-9.81 * 0.05 / 2)
    assert fine_step.velocity[2] == pytest.approx(-9.81 * 0.05 / 2)


def test_ground_truth_only_where_asked_for(task: Task, settings: tuple[SensingConfig, Path]) -> None:
    truth = np.array([0.3, 0.0, 0.0])
    standing = np.tile([0.0, 0.8692, -1.6284], 4)
    for source, expected in [('ground_truth', 14.0), ('estimate', 9.0)]:
        observer = Observer(task, *settings, velocity_source=source)
        observer.step(reading(0.0, UPRIGHT, standing, true_velocity=truth))
        assert observer.step(reading(0.05, UPRIGHT, standing, true_velocity=truth)).reward == pytest.approx(expected, abs=0.01)
    observer = Observer(task, *settings, velocity_source='ground_truth')
    with pytest.raises(Refused, match='true_velocity is missing'):
        observer.step(reading(0.0))


@pytest.mark.parametrize(('change', 'text'), [
    ({'joint_position': np.zeros(11)}, r'joint_position has shape \[11\]; expected \[12\]'),
    ({'joint_velocity': np.full(12, np.nan)}, 'joint_velocity is'),
    ({'joint_effort': np.full(12, np.inf)}, 'joint_effort is'),
    ({'angular_velocity': np.zeros(2)}, 'angular_velocity has shape'),
    ({'specific_force': np.array([0, np.nan, 0])}, 'specific_force is'),
    ({'orientation': (0, 0, 0, 0)}, 'not a unit quaternion'),
])
def test_a_bad_reading_counts_no_step(observer: Observer, change: dict[str, Any], text: str) -> None:
    observer.step(reading(0.0))
    bad = dataclasses.replace(reading(0.05), **change)
    with pytest.raises(Refused, match=text):
        observer.step(bad)
    with pytest.raises(Refused, match=text):
        observer.track(bad)
    result = observer.step(reading(0.05))
    assert (result.step, result.is_first) == (1, False)


def test_images(config_folder: Path, settings: tuple[SensingConfig, Path]) -> None:
    observer = Observer(load_task(config_folder, 'look'), *settings)
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    result = observer.step(reading(0.0, image=image))
    assert {name: value.shape for name, value in result.tensors.items()} == {'proprioception': (1, 16), 'image': (1, 2, 2, 3)}
    np.testing.assert_array_equal(result.tensors['image'][0], image)
    with pytest.raises(Refused, match='no image'):
        observer.step(reading(0.05))
    with pytest.raises(Refused, match=r'uint8 \[2, 2, 1\]; the task needs uint8 \[2, 2, 3\]'):
        observer.step(reading(0.05, image=image[..., :1]))


@pytest.mark.parametrize(('change', 'text'), [
    ({'observation': {'proprioception': TensorSpec((17,))}}, r"shape \[17\], but 12 joints make \[16\]"),
    ({'observation': {'propriception': TensorSpec((16,))}}, "did you mean 'proprioception'"),
    ({'observation': {'image': TensorSpec((8, 8, 4), 'uint8')}}, '4 channels; allowed: 1'),
    ({'observation': {'a': TensorSpec((8, 8, 1), 'uint8'), 'b': TensorSpec((8, 8, 1), 'uint8')}}, 'both images'),
    ({'reward': 'a1_wlk'}, "reward 'a1_wlk' does not exist; did you mean 'a1_walk'"),
    ({'environments': 2}, 'a robot is one environment'),
])
def test_a_task_that_does_not_fit_is_refused_at_the_start(
    task: Task, settings: tuple[SensingConfig, Path], change: dict[str, Any], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        Observer(dataclasses.replace(task, **change), *settings)


OWN_REWARD = '''
import numpy as np

def upright(state):
    value = float(state.rotation[2, 2])
    return np.float32(value if value > 0 else 'nan'), {'up': value}

def wordy(state):
    return 'good'

def broken(state):
    return state.wheels, {}

number = 3
'''


@pytest.fixture
def own_rewards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules my_rewards and unfinished_rewards."""
    (tmp_path / 'my_rewards.py').write_text(OWN_REWARD)
    (tmp_path / 'unfinished_rewards.py').write_text('import nothing_of_that_name')
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures('own_rewards')
def test_a_reward_of_the_users_own(task: Task, settings: tuple[SensingConfig, Path]) -> None:
    observer = Observer(dataclasses.replace(task, reward='my_rewards:upright'), *settings)
    observer.step(reading(0.0, UPRIGHT))
    result = observer.step(reading(0.05, UPRIGHT))
    assert (result.reward, result.parts) == (1.0, {'up': 1.0})
    with pytest.raises(Refused, match='the reward is nan'):
        observer.step(reading(0.1, BACK))
    assert observer.step(reading(0.15, UPRIGHT)).step == 2


@pytest.mark.usefixtures('own_rewards')
@pytest.mark.parametrize(('reward', 'text'), [
    ('my_rewards:forward', "my_rewards has no function 'forward'"),
    ('my_rewards:number', "my_rewards has no function 'number'"),
    ('my_rewards:wordy', "gives 'good'; allowed: a finite number and a dict of its parts"),
    ('my_rewards:broken', "fails: AttributeError: .*'wheels'"),
    ('unfinished_rewards:upright', "unfinished_rewards cannot be imported: No module named 'nothing_of_that_name'"),
    ('no_rewards:upright', "no_rewards cannot be imported: No module named 'no_rewards'"),
])
def test_a_reward_of_the_users_own_that_cannot_be_used(
        task: Task, settings: tuple[SensingConfig, Path], reward: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"tasks/.*yaml: reward '{reward}'.*{text}"):
        Observer(dataclasses.replace(task, reward=reward), *settings)


def test_a_reward_for_another_robot_is_refused_at_the_start(task: Task, settings: tuple[SensingConfig, Path]) -> None:
    config = dataclasses.replace(
        settings[0], joints=settings[0].joints[:11], action_range={'*': ActionRange(-1.0, 1.0)}, feet=['FR_foot'],
    )
    task = dataclasses.replace(task, observation={'proprioception': TensorSpec((15,))})
    with pytest.raises(ConfigError, match='11 joints'):
        Observer(task, config, settings[1])


def test_an_unknown_velocity_source_is_refused(task: Task, settings: tuple[SensingConfig, Path]) -> None:
    with pytest.raises(ConfigError, match="did you mean 'ground_truth'"):
        Observer(task, *settings, velocity_source='groundtruth')


@pytest.mark.parametrize(('before', 'after', 'text'), [
    ('feet:', 'fet:', "unknown key 'fet'; did you mean 'feet'"),
    ('fraction: [0.01, 0.90]', 'fracton: [0.01, 0.90]', "_thigh_joint: unknown key 'fracton'; did you mean 'fraction'"),
    ("'*_calf_joint'", "'*_shin_joint'", "action_range: joint 'FR_calf_joint' matches no pattern"),
    ('fraction: [0.01, 0.90]', 'fraction: [0.01, 0.0]', r'\*_thigh_joint: fraction \[0.01, 0.0\]'),
    ('feet: [FR_foot, FL_foot, RR_foot, RL_foot]', 'feet: []', 'feet: at least one link'),
    ('FL_hip_joint', 'FR_hip_joint', 'joints: at least one, and each once'),
])
def test_a_bad_robot_file_is_refused(config_folder: Path, before: str, after: str, text: str) -> None:
    path = config_folder / 'robots' / 'dog.yaml'
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(ConfigError, match=text) as caught:
        load_sensing(config_folder, 'dog')
    assert 'dog.yaml' in str(caught.value)


def test_the_action_range_is_that_of_the_paper(settings: tuple[SensingConfig, Path]) -> None:
    lower, upper = joint_ranges(settings[0].action_range, settings[0].joints)
    np.testing.assert_allclose(lower, np.tile([-0.787, -0.995, -2.679], 4), atol=5e-4)
    np.testing.assert_allclose(upper, np.tile([0.787, 3.665, -1.628], 4), atol=5e-4)
