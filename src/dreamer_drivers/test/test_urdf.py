import math
from pathlib import Path

import pytest

from dreamer_drivers.urdf import read_limits
from dreamer_learning.config import ConfigError

URDF = """<robot name="r">
  <link name="a"/><link name="b"/>
  <joint name="left_hip_joint" type="revolute"><limit lower="-0.5" upper="1.5" effort="33" velocity="21"/></joint>
  <joint name="left_knee_joint" type="revolute"><limit lower="-2" upper="-1" effort="30" velocity="20"/></joint>
  <joint name="wheel" type="continuous"/>
  <joint name="free_wheel" type="continuous"><limit effort="5" velocity="7"/></joint>
  <joint name="slide" type="prismatic"><limit upper="0.3" effort="5" velocity="7"/></joint>
  <joint name="foot" type="fixed"/>
  <joint name="bare" type="revolute"/>
  <joint name="words" type="revolute"><limit lower="low" upper="1"/></joint>
  <joint name="swapped" type="revolute"><limit lower="2" upper="1"/></joint>
</robot>"""


@pytest.fixture
def urdf(tmp_path: Path) -> Path:
    path = tmp_path / 'r.urdf'
    path.write_text(URDF)
    return path


def test_limits_in_the_order_of_the_names(urdf: Path) -> None:
    limits = read_limits(urdf, ['wheel', 'left_knee_joint', 'left_hip_joint', 'slide', 'free_wheel'])
    assert limits.lower.tolist() == [-math.inf, -2, -0.5, 0, -math.inf]
    assert limits.upper.tolist() == [math.inf, -1, 1.5, 0.3, math.inf]
    assert limits.effort.tolist() == [math.inf, 30, 33, 5, 5]
    assert limits.velocity.tolist() == [math.inf, 20, 21, 7, 7]


@pytest.mark.parametrize(('joint', 'text'), [
    ('left_hip_jont', "r.urdf: no joint 'left_hip_jont'; did you mean 'left_hip_joint'"),
    ('foot', "'foot': type 'fixed'"),
    ('bare', "'bare': missing <limit"),
    ('words', "'words': limit lower='low' is not a number"),
    ('swapped', "'swapped': limit lower 2.0 is not below upper 1.0"),
])
def test_joints_that_cannot_be_driven(urdf: Path, joint: str, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_limits(urdf, ['left_knee_joint', joint])
    assert text in str(error.value)


@pytest.mark.parametrize(('content', 'text'), [
    ('<robot><joint', 'not valid XML'),
    ('', 'not valid XML'),
    ('<sdf/>', 'starts with <robot>, not <sdf>'),
])
def test_files_that_are_no_urdf(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / 'bad.urdf'
    path.write_text(content)
    with pytest.raises(ConfigError, match=text) as error:
        read_limits(path, ['a'])
    assert 'bad.urdf' in str(error.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='cannot read the URDF'):
        read_limits(tmp_path / 'none.urdf', ['a'])
