import subprocess
import sys

import pytest

from dreamer_learning.config import ConfigError
from dreamer_learning.robots import ActionRange, joint_ranges

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


def test_torch_is_not_imported() -> None:
    code = 'import sys, dreamer_learning.robots; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], timeout=60).returncode == 0
