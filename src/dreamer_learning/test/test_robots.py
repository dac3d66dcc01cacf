import subprocess
import sys
from pathlib import Path

import pytest
from learning_toys import small_config

from dreamer_learning.config import ConfigError
from dreamer_learning.robots import ActionRange, joint_ranges, robot_identity
from dreamer_learning.spaces import load_task

HIP, KNEE = ActionRange(-1.0, 1.0, (0.1, 0.9)), ActionRange(-2.0, 2.0)


def test_ranges_in_the_order_of_the_joints() -> None:
    lower, upper = joint_ranges({'*_hip': HIP, '*_knee': KNEE}, ['left_knee', 'left_hip', 'right_knee'])
    assert lower == pytest.approx([-2.0, -0.8, -2.0])
    assert upper == pytest.approx([2.0, 0.8, 2.0])


@pytest.mark.parametrize(('ranges', 'text'), [
    ({'*_knee': KNEE}, "action_range: joint 'left_hip' matches no pattern, must match one of: \\*_knee"),
    ({'*_hip': HIP, 'left_*': KNEE}, "joint 'left_hip' matches patterns \\*_hip, left_\\*"),
    ({'*_HIP': HIP}, 'no pattern'),
])
def test_every_joint_needs_one_pattern(ranges: dict[str, ActionRange], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        joint_ranges(ranges, ['left_hip'])


@pytest.mark.parametrize(('lower', 'upper', 'fraction', 'text'), [
    (1.0, 1.0, (0.0, 1.0), 'lower 1.0 must be below upper 1.0'),
    (float('nan'), 1.0, (0.0, 1.0), 'lower nan'),
    (0.0, float('inf'), (0.0, 1.0), 'upper inf'),
    (0.0, 1.0, (0.9, 0.1), r'fraction \[0.9, 0.1\]'),
    (0.0, 1.0, (-0.1, 1.0), r'fraction \[-0.1, 1.0\]'),
    (0.0, 1.0, (0.0, 1.1), r'fraction \[0.0, 1.1\]'),
])
def test_values_that_make_no_range(lower: float, upper: float, fraction: tuple[float, float], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        ActionRange(lower, upper, fraction)


ROBOT = """
joints: [left_knee, left_hip]
action_range:
  '*_hip': {lower: -1.0, upper: 1.0, fraction: [0.1, 0.9]}
  '*_knee': {lower: -2.0, upper: 2.0}
driver: {}
"""
TASK = """
robot: toy
control_rate: 20.0
episode_length: 10
reward: x
observation: {pose: {shape: [3]}}
action: {size: 2}
"""


def write(folder: Path, robot: str = ROBOT, task: str = TASK) -> Path:
    for kind, text in (('robots', robot), ('tasks', task)):
        (folder / kind).mkdir(exist_ok=True)
        (folder / kind / 'toy.yaml').write_text(text, encoding='utf-8')
    return folder


def test_identity_names_joints_and_what_their_actions_mean(tmp_path: Path) -> None:
    assert robot_identity(write(tmp_path), 'toy') == {
        'joints': ['left_knee', 'left_hip'], 'action_range': [[-2.0, 2.0], [-0.8, 0.8]]}
    assert robot_identity(tmp_path, 'game') == {}
    assert robot_identity(write(tmp_path, 'driver: {}'), 'toy') == {}
    with pytest.raises(ConfigError, match="toy.yaml: action_range: joint 'left_hip' matches no pattern"):
        robot_identity(write(tmp_path, ROBOT.replace("'*_hip'", "'*_hop'")), 'toy')


@pytest.mark.parametrize(('old', 'new', 'same'), [
    ('[left_knee, left_hip]', '[left_hip, left_knee]', False),
    ('lower: -1.0', 'lower: -1.1', False),
    ('fraction: [0.1, 0.9]', 'fraction: [0.0, 0.9]', False),
    ('lower: -2.0, upper: 2.0', 'lower: -4.0, upper: 4.0, fraction: [0.25, 0.75]', True),
    ('driver: {}', 'driver: {cutoff: 1.0}', True),
])
def test_hash_agrees_where_actions_mean_the_same(tmp_path: Path, old: str, new: str, same: bool) -> None:
    before = small_config().hash(load_task(write(tmp_path), 'toy'))
    assert ROBOT.replace(old, new) != ROBOT
    after = small_config().hash(load_task(write(tmp_path, ROBOT.replace(old, new)), 'toy'))
    assert (before == after) == same


def test_a_task_file_cannot_set_the_identity(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'identity' is fixed by the robot"):
        load_task(write(tmp_path, task=TASK + 'identity: {}\n'), 'toy')


@pytest.mark.parametrize('module', ['atomic', 'config', 'robots', 'spaces', 'urdf'])
def test_torch_is_not_imported(module: str) -> None:
    code = f'import sys, dreamer_learning.{module}; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], timeout=60).returncode == 0
